/** First code point that is not one column wide in all terminals: combining marks. */
const FIRST_UNSURE = 0x300;

/** Returns the maximum columns of a text: 2 for a code point whose width is not certain. */
export function columnsOf(text: string): number {
  return Array.from(text, widthOf).reduce((sum, width) => sum + width, 0);
}

/** A line as it is, or what of it fits, with `…` at the end. @param columns 1 or more */
export function cutText(text: string, columns: number): string {
  if (text.length * 2 <= columns || columnsOf(text) <= columns) return text;
  let left = columns - 1;
  let end = 0;
  for (const one of text) {
    left -= widthOf(one);
    if (left < 0) break;
    end += one.length;
  }
  return `${text.slice(0, end)}…`;
}

function widthOf(one: string): number {
  return one.codePointAt(0)! < FIRST_UNSURE || one === '…' ? 1 : 2;
}
