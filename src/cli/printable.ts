/**
 * Text that others chose (references, paths, a registry's messages) for one line of a terminal: control characters
 * are shown as `\xNN`, so that none can move the cursor, set colours or begin a line.
 */
export function printable(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
