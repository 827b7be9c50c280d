import type { ListedRow } from './listed-row.js';

export type SortKey = 'name' | 'size' | 'time';

type Compare = (a: ListedRow, b: ListedRow) => number;

/** By the bytes of their names, as `LC_ALL=C ls`; of one name first what the image shows. */
const byName: Compare = (a, b) =>
  Buffer.compare(a.name, b.name) || hiddenByOf(b) - hiddenByOf(a) || b.layer - a.layer;

const COMPARES: Record<SortKey, Compare> = {
  name: byName,
  size: (a, b) => sizeOf(b) - sizeOf(a) || byName(a, b),
  time: (a, b) => secondsOf(b) - secondsOf(a) || nanosecondsOf(b) - nanosecondsOf(a) || byName(a, b),
};

/** Sorts rows in place. Largest and newest come first, and equal ones by name, unless reversed. */
export function sortRows<T extends ListedRow>(rows: T[], by: SortKey, isReversed: boolean): T[] {
  const compare = COMPARES[by];
  return rows.sort(isReversed ? (a, b) => compare(b, a) : compare);
}

function hiddenByOf({ hidden }: ListedRow): number {
  return hidden?.hiddenBy ?? Number.MAX_SAFE_INTEGER;
}

/** Sizes as listings show them: only files have one. */
function sizeOf({ from, at }: ListedRow): number {
  return from?.kind(at) === 'file' ? from.size(at) : 0;
}

function secondsOf({ from, at }: ListedRow): number {
  return from?.mtimeSeconds(at) ?? 0;
}

function nanosecondsOf({ from, at }: ListedRow): number {
  return from?.mtimeNanoseconds(at) ?? 0;
}
