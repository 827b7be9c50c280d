import type { LayerObserver } from '../engine/layer-observer.js';
import type { EntryTable } from '../index/entry-table.js';
import type { TarEntry } from '../tar/entry.js';
import { Capture } from './capture.js';
import type { ContentSink } from './wanted-file.js';

/**
 * Reads the contents of known rows from a layer without an index. It has enough when all rows have
 * passed.
 */
export class RowReader implements LayerObserver {
  readonly #begin: ReadonlyMap<number, () => ContentSink>;
  readonly #settled: (() => Promise<void> | undefined) | undefined;
  readonly #active = new Set<Capture>();
  #left: number;
  #rows = 0;
  #soFar: (() => EntryTable) | undefined;

  /** @param begin by row */
  constructor(begin: ReadonlyMap<number, () => ContentSink>, settled?: () => Promise<void> | undefined) {
    this.#begin = begin;
    this.#settled = settled;
    this.#left = begin.size;
  }

  /** Number of entries read. */
  get rows(): number {
    return this.#rows;
  }

  /** The entries read so far. */
  entries(): EntryTable | undefined {
    return this.#soFar?.();
  }

  onEntry(entry: TarEntry, row: number, soFar: () => EntryTable): boolean {
    this.#rows = row + 1;
    this.#soFar = soFar;
    const begin = this.#begin.get(row);
    if (begin && entry.kind === 'file') {
      this.#left--;
      const { dataOffset, storedSize, sparse } = entry;
      const capture = new Capture({ dataOffset, storedSize, sparse }, begin());
      if (!capture.isComplete) this.#active.add(capture);
    }
    return this.#hasEnough;
  }

  onBytes(bytes: Uint8Array, offset: number): boolean {
    for (const capture of this.#active) {
      capture.pass(bytes, offset);
      if (capture.isComplete) this.#active.delete(capture);
    }
    return this.#hasEnough;
  }

  onRestart(): void {
    this.#active.clear();
    this.#left = this.#begin.size;
    this.#rows = 0;
    this.#soFar = undefined;
  }

  settled(): Promise<void> | undefined {
    return this.#settled?.();
  }

  get #hasEnough(): boolean {
    return this.#left === 0 && this.#active.size === 0;
  }
}
