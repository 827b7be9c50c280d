/** Text in which each character takes one column. */
const NARROW = /^[\x20-\x7e\xa1-\xac\xae-\u02ff]*$/;

/** Characters that take no column of their own: they join the one before. */
const COMBINING = /^\p{M}$/u;

/** Characters that take two columns. (Unicode UAX #11, East Asian Width W and F, and emoji) */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u;

/**
 * Returns the columns that text most likely takes on a terminal, for aligned columns. Terminals
 * differ for rare characters: what must fit uses `columnsOf`, which never says too little.
 * @param text printable
 */
export function textWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const one of text) width += COMBINING.test(one) ? 0 : WIDE.test(one) ? 2 : 1;
  return width;
}
