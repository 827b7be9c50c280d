import { escaped, printable } from '../../../base/text/printable.js';
import { utf8Text } from '../../../base/text/printable-name.js';
import { type ContentDifference, TEXT_SIZE_MAX } from '../../../image/compare/comparison.js';
import { formatRoundSize } from '../../terminal/wording/size.js';

/** Returns the line for contents that are not compared line by line. */
export function noTextLine(content: Exclude<ContentDifference, { kind: 'text' }>): string {
  if (content.kind === 'binary') return 'Binary files differ';
  return `Files of more than ${formatRoundSize(TEXT_SIZE_MAX)} differ`;
}

/**
 * Returns the lines of a unified diff for a terminal. Tabs stay, other control characters and bytes
 * that are not UTF-8 become `\xNN`.
 * @param text a character a byte (latin1)
 */
export function terminalLines(text: string): string[] {
  return text
    .slice(0, -1) // the last newline
    .split('\n')
    .map((line) => line.split('\t').map(terminalText).join('\t'));
}

function terminalText(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  const text = utf8Text(bytes);
  if (text !== undefined) return printable(text);
  return Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escaped([byte]),
  ).join('');
}
