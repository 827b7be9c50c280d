/** Characters of a stranger's words in our message. */
const QUOTE_MAX = 200;

/** Printable and short: what a stranger wrote goes to a terminal and a log. */
export function oneLine(text: string): string {
  // Controls, marks that turn the direction of writing, lone surrogates; white space; what was no UTF-8.
  const line = text.replace(/[\p{C}\p{Z}\s\ufffd]+/gu, ' ').trim();
  if (line.length <= QUOTE_MAX) return line;
  return `${line.slice(0, QUOTE_MAX).replace(/[\ud800-\udbff]$/, '')}…`;
}
