import type { LayerWatcher } from '../image/layer-watcher.js';
import type { TarEntry } from '../tar/entry.js';
import { Capture } from './capture.js';
import type { ContentSink } from './wanted-file.js';

/** Takes the contents of known rows out of a layer that has no index. Enough when all have passed. */
export class RowReader implements LayerWatcher {
  readonly #begin: ReadonlyMap<number, () => ContentSink>;
  readonly #settled: (() => Promise<void> | undefined) | undefined;
  readonly #active = new Set<Capture>();
  #left: number;

  /** @param begin by row */
  constructor(begin: ReadonlyMap<number, () => ContentSink>, settled?: () => Promise<void> | undefined) {
    this.#begin = begin;
    this.#settled = settled;
    this.#left = begin.size;
  }

  /** Not all rows were there as they were the last time. */
  get isIncomplete(): boolean {
    return this.#left > 0 || this.#active.size > 0;
  }

  onEntry(entry: TarEntry, row: number): boolean {
    const begin = this.#begin.get(row);
    if (begin && entry.kind === 'file') {
      this.#left--;
      const { dataOffset, storedSize, sparse } = entry;
      const capture = new Capture({ dataOffset, storedSize, sparse }, begin());
      if (!capture.isComplete) this.#active.add(capture);
    }
    return !this.isIncomplete;
  }

  onBytes(bytes: Uint8Array, offset: number): boolean {
    for (const capture of this.#active) {
      capture.pass(bytes, offset);
      if (capture.isComplete) this.#active.delete(capture);
    }
    return !this.isIncomplete;
  }

  settled(): Promise<void> | undefined {
    return this.#settled?.();
  }
}
