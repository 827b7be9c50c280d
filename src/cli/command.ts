import type { Worker } from 'node:worker_threads';
import type { ErrorCode } from '../base/errors.js';
import type { DaemonClient } from '../daemon/daemon-client.js';
import type { CommandName } from './command-names.js';
import type { ArgumentSpec, OptionTable, OptionValues } from './option-table.js';
import type { Output } from './output.js';

/** What a command may touch besides its arguments. */
export interface CommandContext {
  output: Output;
  cwd: string;
  env: NodeJS.ProcessEnv;
  uid: number;
  startedMs: number; // performance.now() clock: when the user pressed Enter, as nearly as we know
  /** Returns a new mount daemon; the first one may have been started early. */
  daemon(): DaemonClient;
  /** The fetch thread for the session, started early. The end of the process ends an unused one. */
  fetchThread?: Worker;
  /** Loads another command, for one that runs it. */
  command(name: CommandName): Promise<Command>;
  /** `layerslayer IMAGE DIR`, as mount(8) calls: DIR and IMAGE are spelled as in fstab. */
  isMountHelper: boolean;
}

/** One word of the command line: a file each in `commands/`. */
export interface Command<T extends OptionTable = OptionTable> {
  name: string;
  summary: string; // one line for the top level's help
  synopsis: string; // after the program's name
  description: string;
  options: T;
  /** `each` is for completion; the last one repeats up to `max`. */
  positionals: { min: number; max: number; names: string; each: readonly ArgumentSpec[] };
  examples: readonly [string, string];
  failures: readonly ErrorCode[]; // besides those that every command can end with
  /**
   * Changes parsed options before the common ones are used and the log file is opened.
   * @throws LayerslayerError INVALID_ARGUMENT
   */
  prepare?(
    options: OptionValues<T>,
    positionals: readonly string[],
    context: CommandContext,
  ): OptionValues<T>;
  /** @returns the exit status; a fault is thrown */
  run(options: OptionValues<T>, positionals: readonly string[], context: CommandContext): Promise<number>;
}
