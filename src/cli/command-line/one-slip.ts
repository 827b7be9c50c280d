/** Letters of a command that may be mistyped. */
export const MIN_LETTERS = 4;
/**
 * Returns the name that differs from `word` by one letter, or by two swapped ones. yargs' own
 * suggestions differ by up to three: too many if a wrong guess does harm, since `mongo` is no
 * mistyped `mount`, but an image.
 */
export function oneSlipAway(word: string, names: readonly string[]): string | undefined {
  return names.find((name) => isOneSlip(word, name));
}

function isOneSlip(word: string, name: string): boolean {
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
