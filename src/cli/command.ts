import type { Worker } from 'node:worker_threads';
import type { DaemonClient } from '../daemon/daemon-client.js';
import type { CommandDeclaration } from './command-declaration.js';
import type { CommandName } from './command-names.js';
import type { OptionTable, OptionValues } from './options/option-table.js';
import type { Output } from './terminal/output/output.js';

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
  /** Whether long results may go through the user's pager. */
  isPaged?: boolean;
  /** `layerslayer IMAGE DIR`, as mount(8) calls: DIR and IMAGE are spelled as in fstab. */
  isMountHelper: boolean;
}

/** A command with what it does: a folder each in `commands/`. */
export interface Command<T extends OptionTable = OptionTable> extends CommandDeclaration<T> {
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
