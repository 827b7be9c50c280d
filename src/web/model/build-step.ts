import { shownPath } from './raw-path.js';

/** Returns a build step as a Dockerfile has it, in one line, without shell and BuildKit's mark. */
export function stepText(step: string): string {
  return withoutShell(step).replace(/\s+/g, ' ');
}

/** Returns a build step for people, in the lines of its Dockerfile: their indentation remains. */
export function stepLines(step: string): string {
  const lines = withoutShell(step).split(/\s*[\t\n]\s*| {3,}/);
  return lines.map(shownPath).join('\n  ');
}

function withoutShell(step: string): string {
  const text = step
    .replace(/^\/bin\/sh -c #\(nop\)\s*/, '')
    .replace(/^\|\d+ (?:\S+=.*? )?\/bin\/sh -c /s, 'RUN ')
    .replace(/^(?:RUN )?\/bin\/sh -c /, 'RUN ')
    .replace(/\s+# buildkit$/, '')
    .trim();
  return text === '' ? step.trim() : text;
}
