/** Characters that no shell reads anything into. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Words as they are typed in a shell. */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
