/** Returns a build step as a Dockerfile has it: in its lines, without the shell and BuildKit's mark. */
export function stepText(step: string): string {
  const text = step
    .replace(/^\/bin\/sh -c #\(nop\)\s*/, '')
    .replace(/^\|\d+ (?:\S+=.*? )?\/bin\/sh -c /s, 'RUN ')
    .replace(/^(?:RUN )?\/bin\/sh -c /, 'RUN ')
    .replace(/\s+# buildkit$/, '')
    .trim()
    // Where a Dockerfile continues a line, its indentation remains.
    .replace(/\s*\t\s*|\s*\n\s*| {3,}/g, '\n  ');
  return text === '' ? step : text;
}
