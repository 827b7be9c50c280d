import type { CommandDeclaration } from './command-declaration.js';
import { COMMANDS } from './command-table.js';

export type CommandName = (typeof COMMANDS)[number]['name'];

/** Every command word, and the command that it stands for. */
export const COMMAND_NAMES: Readonly<Record<string, CommandName>> = Object.fromEntries(
  COMMANDS.flatMap((command) => wordsOf(command).map((word) => [word, command.name])),
);

/** Returns the words of a command: its name and its aliases. */
export function wordsOf({ name, aliases = [] }: CommandDeclaration): string[] {
  return [name, ...aliases];
}

export function commandNamed(word: string): CommandName | undefined {
  return Object.hasOwn(COMMAND_NAMES, word) ? COMMAND_NAMES[word] : undefined;
}
