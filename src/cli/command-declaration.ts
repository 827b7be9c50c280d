import type { ErrorCode } from '../base/errors.js';
import type { ArgumentSpec, OptionTable } from './options/option-table.js';

/**
 * What a command takes and says, without what it does: the one source of parsing, `--help`,
 * completion, man pages and COMMANDS.md. See `command-table.ts`.
 */
export interface CommandDeclaration<T extends OptionTable = OptionTable> {
  name: string;
  aliases?: readonly string[]; // other words for it
  summary: string; // one line for the top level's help
  synopsis: string; // after the program's name
  description: string; // paragraphs, one a line
  options: T;
  positionals: { min: number; max: number; names: string };
  arguments: readonly ArgumentSpec[]; // the positionals, for completion; the last one repeats
  examples: readonly [string, string];
  failures: readonly ErrorCode[]; // besides those that every command can end with
  statusOne?: string; // what exit status 1 means, for commands that have it
}
