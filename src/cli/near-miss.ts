import { COMMAND_NAMES } from './command-names.js';

/** Returns the command that differs by one letter, or by two swapped ones. */
export function nearMiss(word: string): string | undefined {
  if (Object.hasOwn(COMMAND_NAMES, word)) return undefined;
  return Object.keys(COMMAND_NAMES).find((name) => isOneSlipAway(word, name));
}

function isOneSlipAway(word: string, name: string): boolean {
  let same = 0;
  while (same < word.length && word[same] === name[same]) same++;
  const rest = word.slice(same);
  const wanted = name.slice(same);
  return (
    rest.slice(1) === wanted ||
    rest === wanted.slice(1) ||
    rest.slice(1) === wanted.slice(1) ||
    (rest[0] === wanted[1] && rest[1] === wanted[0] && rest.slice(2) === wanted.slice(2))
  );
}
