import type { ListedEntryRecord } from '../../../api/schemas/entry.js';

/** Outlines in a box of 16 by 16. */
const OUTLINES: Readonly<Record<ListedEntryRecord['kind'], string>> = {
  dir: 'M1.5 4v8.500h13V5.500H8L6.500 4z',
  file: 'M4 1.500h5.500L12.500 4.500v10h-8.500zM9 1.500v3.500h3.500',
  symlink:
    'M6 10 10 6M7 4.500l1.500-1.500a3 3 0 0 1 4.500 4.500L11.500 9M9 11.500 7.500 13a3 3 0 0 1-4.500-4.500L4.500 7',
  hardlink: 'M4 1.500h5.500L12.500 4.500v10h-8.500zM6 10l4-4M7 6h3v3',
  char: 'M2.500 3.500h11v9h-11zM5 6.500v3M8 6.500v3M11 6.500v3',
  block: 'M2.500 3.500h11v9h-11zM2.500 8h11',
  fifo: 'M1.500 8h13M10.500 4l4 4-4 4M1.500 4v8',
};

export function KindIcon({ kind }: { kind: ListedEntryRecord['kind'] }) {
  return (
    <svg class={`icon icon-${kind}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={OUTLINES[kind]} />
    </svg>
  );
}
