import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isatty } from 'node:tty';
import { LayerslayerError } from '../../../base/errors.js';
import type { Pager, TextSink } from './output.js';
import { streamSink } from './stream-sink.js';

const STDIN = 0;
const STDOUT = 1;

const DEFAULT_PAGER = 'less';

/** As git's: less ends if all fits on a screen, and passes colours on. Its text stays there. */
const LESS_OPTIONS = 'FRX';
/** Passes colours on. */
const LV_OPTIONS = '-c';

/** Exit statuses of a shell that can't run a command, or can't find it. */
const NOT_RUN = [126, 127];

/** Bytes in the pipe by which it is known that the pager reads. A pipe takes 200 KiB unread. */
const READ_SIZE = 1024 * 1024;

/**
 * Returns the command of the user's pager.
 * @returns undefined if results go to the terminal directly
 */
export function pagerCommand(env: NodeJS.ProcessEnv, areTerminals = standardTerminals()): string | undefined {
  if (!areTerminals || !env.TERM || env.TERM === 'dumb') return undefined;
  const command = env.PAGER ?? (isInPath(DEFAULT_PAGER, env.PATH ?? '') ? DEFAULT_PAGER : '');
  return command.trim() === '' || command.trim() === 'cat' ? undefined : command;
}

/** A pager takes its keys from the terminal that stdin is. */
function standardTerminals(): boolean {
  return isatty(STDIN) && isatty(STDOUT);
}

function isInPath(name: string, path: string): boolean {
  return path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Starts a pager.
 * @param command for the shell
 * @param terminal receives all results if the pager can't be started
 */
export function startPager(command: string, env: NodeJS.ProcessEnv, terminal: TextSink): Pager {
  // The shell outlives Ctrl-C, as less does, so its end is the pager's.
  const child = spawn('sh', ['-c', `trap : INT\n${command}`], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...env, LESS: env.LESS ?? LESS_OPTIONS, LV: env.LV ?? LV_OPTIONS },
  });
  return new PagerProcess(child, terminal);
}

class PagerProcess implements Pager {
  readonly #child: ChildProcess;
  readonly #terminal: TextSink;
  readonly #input: ReturnType<typeof streamSink>;
  readonly #broken = new AbortController();
  readonly #ended: Promise<void>;
  #kept: (string | Uint8Array)[] | undefined = [];
  #keptSize = 0;
  #isClosing = false;
  #state: 'running' | 'left' | 'not started' = 'running';

  constructor(child: ChildProcess, terminal: TextSink) {
    this.#child = child;
    this.#terminal = terminal;
    this.#input = streamSink(child.stdin!, 'the pager');
    this.#ended = new Promise((resolve) => {
      const end = (status: number | null) => {
        this.#end(status);
        resolve();
      };
      child.once('error', () => end(NOT_RUN[0]!));
      child.once('exit', end);
    });
    process.on('SIGINT', this.#interrupt);
    process.on('exit', this.#kill);
  }

  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  write(text: string | Uint8Array): void {
    if (this.#state === 'not started') this.#terminal.write(text);
    if (this.#state !== 'running') return;
    this.#keep(text);
    this.#input.write(text);
  }

  flushed(): Promise<void> | undefined {
    return this.#state === 'not started' ? this.#terminal.flushed?.() : this.#untilRead();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#child.stdin!.end();
    await this.#ended;
  }

  /** A pager that reads no more is about to end, which says how to continue. */
  #untilRead(): Promise<void> | undefined {
    if (this.#input.broken.aborted) return this.#ended;
    return this.#input.flushed()?.then(() => (this.#input.broken.aborted ? this.#ended : undefined));
  }

  #keep(text: string | Uint8Array): void {
    if (this.#kept === undefined) return;
    this.#keptSize += text.length;
    const isRead = this.#keptSize - this.#child.stdin!.writableLength > READ_SIZE;
    if (isRead) this.#kept = undefined;
    else this.#kept.push(typeof text === 'string' ? text : Uint8Array.from(text));
  }

  #end(status: number | null): void {
    if (!this.isRunning) return;
    process.off('SIGINT', this.#interrupt);
    process.off('exit', this.#kill);
    // What waits to be written is not wanted any more.
    const gone = Object.assign(new Error('the pager has ended'), { code: 'EPIPE' });
    this.#child.stdin!.destroy(gone);
    const kept = this.#kept;
    this.#kept = undefined;
    const isRefused = status !== null && NOT_RUN.includes(status) && kept !== undefined;
    this.#state = isRefused ? 'not started' : 'left';
    if (isRefused) for (const text of kept) this.#terminal.write(text);
    else if (!this.#isClosing) this.#broken.abort(new LayerslayerError('ABORTED', 'the pager has ended'));
  }

  /** The pager gets Ctrl-C too. It stays until the user leaves it, and so do we. */
  readonly #interrupt = () => this.#broken.abort(new LayerslayerError('ABORTED', 'interrupted'));

  /** After a fault in the program. A pager that ends leaves the terminal as it was. */
  readonly #kill = () => void this.#child.kill();
}
