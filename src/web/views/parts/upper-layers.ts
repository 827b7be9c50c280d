/** CSS pixels of a badge: its frame and the gap behind it, a character, and its minimum. */
const [FRAME, CHARACTER, LEAST] = [15, 7, 23];

/**
 * Returns the upper layers whose badges fit into a width. If there are more, room is left for a
 * badge that says how many.
 * @param layers base first
 * @param width CSS pixels
 */
export function upperLayers(layers: readonly number[], width: number): readonly number[] {
  let used = 0;
  let fitting = 0; // of the upper ones, with a badge for the others
  for (let count = 1; count <= layers.length; count++) {
    used += badgeWidth(String(layers.at(-count)));
    const others = layers.length - count;
    if (used + (others === 0 ? 0 : badgeWidth(`+${others}`)) <= width) fitting = count;
  }
  return layers.slice(layers.length - Math.max(1, fitting));
}

function badgeWidth(text: string): number {
  return Math.max(LEAST, FRAME + CHARACTER * text.length);
}
