import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { builtCommand, type Workplace } from '../../support/mounts.js';

/** `layerslayer serve` as a process of its own. */
export interface ServedExplorer {
  readonly origin: string; // http://127.0.0.1:PORT
  stop(): Promise<void>;
}

/** @param args of `serve`, after the port */
export async function serveExplorer(workplace: Workplace, args: readonly string[]): Promise<ServedExplorer> {
  const [command = '', ...first] = builtCommand();
  const server = spawn(command, [...first, 'serve', '--port', '0', ...args], {
    env: workplace.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  const stop = async () => {
    server.kill('SIGTERM');
    await ended;
  };
  return { origin: await originOf(server), stop };
}

function originOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    server.stdout!.on('data', (chunk) => {
      text += chunk;
      const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
      if (origin) resolve(origin);
    });
    server.once('exit', (status) => reject(new Error(`serve ended with ${status}`)));
  });
}
