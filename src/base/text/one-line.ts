/** Maximum characters of quoted remote text in a message. */
const QUOTE_MAX = 200;

/** Returns remote text for a terminal or log: printable and short. */
export function oneLine(text: string): string {
  // Controls, direction marks, lone surrogates, white space, and replaced invalid UTF-8.
  const line = text.replace(/[\p{C}\p{Z}\s\ufffd]+/gu, ' ').trim();
  if (line.length <= QUOTE_MAX) return line;
  return `${line.slice(0, QUOTE_MAX).replace(/[\ud800-\udbff]$/, '')}…`;
}
