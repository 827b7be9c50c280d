import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compiled } from '../setup/programs.js';
import { onCleanUp } from './scratch.js';

/** A Node process that runs one of `children/` and talks by lines on stdout. */
export class Child {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown[]>;

  /** @param command what `node` is told instead of the script and its arguments */
  constructor(script: string, args: string[], options: SpawnOptions = {}, command?: string[]) {
    const path = compiled(`test/cache/children/${script}`);
    this.process = spawn(process.execPath, command ?? [path, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      ...options,
    });
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
    this.#ended = once(this.process, 'exit');
    onCleanUp(() => void this.process.kill('SIGKILL'));
  }

  /** The next line; undefined when it says no more. */
  async line(): Promise<string | undefined> {
    return (await this.#lines.next()).value;
  }

  /** Exit status, or the signal that ended it. */
  async end(): Promise<number | string> {
    const [status, signal] = await this.#ended;
    return (status ?? signal) as number | string;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#ended;
  }
}
