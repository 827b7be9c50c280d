/** A part of a pattern between two `%`: characters, and undefined for any one. */
type Segment = readonly (string | undefined)[];

/**
 * Returns whether names contain what SQL's `LIKE '%q%'` looks for, in any case: `%` is any text,
 * `_` any character. A name takes time in proportion to its length times that of the pattern.
 * (SQLite, "The LIKE operator")
 */
export function likeMatcher(q: string): (name: string) => boolean {
  const segments = q
    .toLowerCase()
    .split('%')
    .filter((text) => text !== '');
  if (segments.every((text) => !text.includes('_')))
    return (name) => hasInOrder(name.toLowerCase(), segments);
  const patterns = segments.map((text): Segment => [...text].map((one) => (one === '_' ? undefined : one)));
  return (name) => matchesInOrder([...name.toLowerCase()], patterns);
}

/** The earliest place of each segment leaves the most for the next ones. */
function hasInOrder(name: string, segments: readonly string[]): boolean {
  let from = 0;
  for (const segment of segments) {
    const at = name.indexOf(segment, from);
    if (at === -1) return false;
    from = at + segment.length;
  }
  return true;
}

function matchesInOrder(name: readonly string[], segments: readonly Segment[]): boolean {
  let from = 0;
  for (const segment of segments) {
    const isAt = (at: number) => segment.every((one, i) => one === undefined || one === name[at + i]);
    while (from + segment.length <= name.length && !isAt(from)) from++;
    if (from + segment.length > name.length) return false;
    from += segment.length;
  }
  return true;
}
