/** Returns a build step as a Dockerfile has it: without the shell that runs it, and without BuildKit's mark. */
export function stepText(step: string): string {
  const text = step
    .replace(/^\/bin\/sh -c #\(nop\)\s*/, '')
    .replace(/^\|\d+ (?:\S+=.*? )?\/bin\/sh -c /s, 'RUN ')
    .replace(/^(?:RUN )?\/bin\/sh -c /, 'RUN ')
    .replace(/\s+# buildkit$/, '')
    .trim();
  return text === '' ? step : text;
}
