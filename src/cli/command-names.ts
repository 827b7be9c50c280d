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

/** Returns the command that differs by one letter, or by two swapped ones. */
export function nearMiss(word: string): string | undefined {
  if (commandNamed(word) !== undefined) return undefined;
  return Object.keys(COMMAND_NAMES).find((name) => isOneSlipAway(word, name));
}

function isOneSlipAway(word: string, name: string): boolean {
  let same = 0;
  while (same < word.length && word[same] === name[same]) same++;
  const [rest, wanted] = [word.slice(same), name.slice(same)];
  return (
    rest.slice(1) === wanted ||
    rest === wanted.slice(1) ||
    rest.slice(1) === wanted.slice(1) ||
    (rest[0] === wanted[1] && rest[1] === wanted[0] && rest.slice(2) === wanted.slice(2))
  );
}
