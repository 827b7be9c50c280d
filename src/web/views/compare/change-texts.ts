import type { DifferenceRecord } from '../../../api/schemas/results.js';
import { changedText, sizeText } from '../../model/format.js';

type Side = NonNullable<DifferenceRecord['from']>;

/** Values of the fields that differ, as people read them. */
const VALUES: Readonly<Record<string, (side: Side) => string>> = {
  kind: ({ kind }) => kind,
  mode: ({ mode }) => mode,
  owner: ({ uid, gid }) => `${uid}:${gid}`,
  size: ({ size }) => sizeText(size),
  target: ({ target }) => target ?? '',
  time: changedText,
  mtime: changedText,
  device: ({ device }) => device?.join(':') ?? '',
};

/** Returns each field that differs: `mode 0644 → 0755`. Without values: its name. */
export function changeTexts({ fields, from, to }: DifferenceRecord): string[] {
  if (from === null || to === null) return [];
  return fields.map((field) => {
    const value = Object.hasOwn(VALUES, field) ? VALUES[field] : undefined;
    if (value === undefined) return field;
    const [before, after] = [value(from), value(to)];
    if (field === 'size' && before === after) return `size ${from.size} → ${to.size} B`;
    return `${field} ${before} → ${after}`;
  });
}

/** Counts and bytes of differences by kind. */
export interface ChangeSums {
  count: Record<DifferenceRecord['change'], number>;
  bytes: { added: number; removed: number; changed: number }; // of changed: by which they grew
}

/** Returns the sums. Only regular files have bytes. */
export function sumChanges(rows: readonly DifferenceRecord[]): ChangeSums {
  const count = { added: 0, removed: 0, changed: 0, error: 0 };
  const bytes = { added: 0, removed: 0, changed: 0 };
  for (const { change, from, to } of rows) {
    count[change]++;
    if (change !== 'error') bytes[change] += change === 'removed' ? from!.size : to!.size - (from?.size ?? 0);
  }
  return { count, bytes };
}
