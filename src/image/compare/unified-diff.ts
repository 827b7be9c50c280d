import { type StructuredPatchHunk, structuredPatch } from 'diff';
import type { DiffNames } from './comparison.js';

/** Lines around a change. */
const CONTEXT = 3;

/**
 * Changed lines up to which the shortest diff is searched: the search takes time and memory by
 * their square. 2,000 take half a second and 80 MB (measured).
 */
const EDITS_MAX = 2000;

/** Time for the shortest diff of one pair of files. */
const SEARCH_MS = 1_000;

/** Returns whether a file's bytes are text: they have no NUL, as diff(1) decides. */
export function isText(bytes: Uint8Array): boolean {
  return !bytes.includes(0);
}

/**
 * Returns the unified diff of two texts, as `diff -u` prints it. Texts and result have a character
 * a byte (latin1), so no byte is lost.
 *
 * Past a limit of changed lines or time, the diff is not the shortest: everything between the first
 * change and the last is one hunk. A hostile pair of files would take hours.
 */
export function unifiedDiff(
  from: string,
  to: string,
  names: DiffNames,
  { editsMax = EDITS_MAX, searchMs = SEARCH_MS }: { editsMax?: number; searchMs?: number } = {},
): string {
  const options = { context: CONTEXT, maxEditLength: editsMax, timeout: searchMs };
  const shortest = structuredPatch(names.from, names.to, from, to, undefined, undefined, options);
  const hunks = shortest?.hunks ?? [oneHunk(linesOf(from), linesOf(to))];
  return [`--- ${names.from}`, `+++ ${names.to}`, ...hunks.flatMap(hunkLines)]
    .map((line) => `${line}\n`)
    .join('');
}

/** `@@ -1,3 +1,4 @@` and its lines. */
function hunkLines({ oldStart, oldLines, newStart, newLines, lines }: StructuredPatchHunk): string[] {
  return [`@@ -${rangeText(oldStart, oldLines)} +${rangeText(newStart, newLines)} @@`, ...lines];
}

/** An empty range is named by the line before it, a single line without its count. (POSIX, diff) */
function rangeText(start: number, lines: number): string {
  if (lines === 0) return `${start - 1},0`;
  return lines === 1 ? String(start) : `${start},${lines}`;
}

/** Returns a hunk that replaces all lines between the first change and the last. */
function oneHunk(from: readonly string[], to: readonly string[]): StructuredPatchHunk {
  const shorter = Math.min(from.length, to.length);
  let same = 0; // lines at the start
  while (same < shorter && from[same] === to[same]) same++;
  let sameEnd = 0; // lines at the end
  while (sameEnd < shorter - same && from.at(-1 - sameEnd) === to.at(-1 - sameEnd)) sameEnd++;
  const start = Math.max(0, same - CONTEXT);
  const after = Math.min(sameEnd, CONTEXT);
  const [fromEnd, toEnd] = [from.length - sameEnd, to.length - sameEnd];
  const lines = [
    ...signed(' ', from.slice(start, same)),
    ...signed('-', from.slice(same, fromEnd)),
    ...signed('+', to.slice(same, toEnd)),
    ...signed(' ', from.slice(fromEnd, fromEnd + after)),
  ];
  const [oldLines, newLines] = [fromEnd + after - start, toEnd + after - start];
  return { oldStart: start + 1, oldLines, newStart: start + 1, newLines, lines };
}

const NO_NEWLINE = '\\ No newline at end of file';

function signed(sign: string, lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const text = sign + line;
    return text.endsWith('\n') ? [text.slice(0, -1)] : [text, NO_NEWLINE];
  });
}

/** The lines of a text, each with its newline, if it has one. */
function linesOf(text: string): string[] {
  const lines = text.split(/(?<=\n)/);
  return text === '' ? [] : lines;
}
