import { COMMANDS } from '../command-table.js';
import type { OptionTable } from '../options/option-table.js';
import { wordsBeforeCommand } from './choose-command.js';
import { FIRST_TOOL_FLAGS } from './first-tool-options.js';
import { parseArguments } from './parse-arguments.js';
import { PROGRAM } from './parser.js';

/** The options that may stand before a command: `-q mounts` is `mounts -q`. */
const OPTIONS: OptionTable = {
  help: { kind: 'flag', short: 'h', summary: '' },
  version: { kind: 'flag', summary: '' },
  ...FIRST_TOOL_FLAGS,
  ...Object.assign({}, ...COMMANDS.map(({ options }) => options)),
};

/**
 * Checks a command line that has no command.
 * @throws LayerslayerError INVALID_ARGUMENT for an option that no command has
 */
export function checkTopLevelOptions(words: readonly string[]): void {
  const positionals = { min: 0, max: 0, names: '' };
  parseArguments(wordsBeforeCommand(words), { name: PROGRAM, options: OPTIONS, positionals });
}
