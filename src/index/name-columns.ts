import { ENTRY_KINDS, type EntryKind } from '../tar/entry.js';
import type { NameTable } from './entry-table.js';
import type { Strings } from './growing.js';

/** NameTable over columns. */
export class NameColumns implements NameTable {
  readonly length: number;
  readonly pathHeap: Uint8Array;

  /** @param kinds indexes of ENTRY_KINDS */
  constructor(
    private readonly kinds: Uint8Array,
    private readonly paths: Strings,
    private readonly links: Strings,
  ) {
    this.length = kinds.length;
    this.pathHeap = paths.heap;
  }

  kind(row: number): EntryKind {
    return ENTRY_KINDS[this.kinds[row]!]!;
  }
  pathStart(row: number): number {
    return this.paths.starts[row]!;
  }
  pathEnd(row: number): number {
    return this.paths.starts[row + 1]!;
  }
  linkTarget(row: number): Uint8Array {
    const { heap, starts } = this.links;
    return heap.subarray(starts[row], starts[row + 1]);
  }
}
