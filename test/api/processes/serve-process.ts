/** `layerslayer serve` as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { encodeRaw } from '#src/web/model/raw-path.js';
import type { Workplace } from '../../support/mounts.js';
import type { QueryValues } from '../served.js';

/** A server that was started, with what it printed. */
export class ServeProcess {
  #output = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly address: string,
  ) {}

  /** Starts a server and waits for its address. */
  static async start(place: Workplace, args: readonly string[]): Promise<ServeProcess> {
    const [command = '', ...first] = place.program;
    const words = [...first, 'serve', '--port', '0', ...args];
    const child = spawn(command, words, { env: place.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const address = await new Promise<string>((resolve, reject) => {
      const heard = (chunk: Buffer) => {
        output += chunk;
        const found = /^(http:\S+)\/#token=/m.exec(output)?.[1];
        if (found !== undefined) resolve(found);
      };
      child.stdout.on('data', heard);
      child.stderr.on('data', heard);
      child.once('exit', (status) => reject(new Error(`ended with ${status}: ${output}`)));
    });
    const server = new ServeProcess(child, address);
    server.#output = output;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        server.#output += chunk;
      });
    return server;
  }

  /** stdout and stderr so far. */
  get output(): string {
    return this.#output;
  }

  /** The most memory that the process had so far, in bytes. (proc(5), VmHWM) */
  get peakBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  get(path: string, query: QueryValues = {}, init: RequestInit = {}): Promise<Response> {
    const text = Object.entries(query).map(([name, value]) => `${name}=${encodeRaw(String(value))}`);
    return fetch(`${this.address}${path}?${text.join('&')}`, init);
  }

  /** Ends the process, and waits until it has ended. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}
