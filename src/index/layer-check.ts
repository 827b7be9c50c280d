import type { TarEntry } from '../tar/entry.js';
import type { StateStorage } from './checkpoints.js';
import { ContentCheck } from './content-check.js';
import { EntryComparison, readingDifference } from './index-comparison.js';
import { decodeLayerIndex } from './index-file.js';
import type { IndexOrigin } from './index-origin.js';
import type { LayerIndex } from './layer-index.js';
import type { PassObserver } from './pass-observer.js';

/** An index that a pass over its layer compares with the layer's bytes. */
export interface CheckedIndex {
  name: string; // key of its origin
  index: LayerIndex;
  origin: IndexOrigin;
  states: StateStorage;
}

/**
 * Compares an index of another origin with all that an own pass reads: the entries, and the files'
 * bytes where the index has digests of them.
 */
export class LayerCheck implements PassObserver {
  readonly #checked: CheckedIndex;
  readonly #entries: EntryComparison;
  readonly #contents: ContentCheck | undefined;

  get name(): string {
    return this.#checked.name;
  }

  constructor(checked: CheckedIndex) {
    const { index, origin } = checked;
    this.#checked = checked;
    this.#entries = new EntryComparison(index, origin);
    if (index.verification.kind === 'chunks') this.#contents = new ContentCheck(index.verification.chunks);
  }

  onEntry(entry: TarEntry): void {
    const row = this.#entries.next(entry);
    if (row !== undefined) this.#contents?.add(entry, this.#checked.index.entries.dataOffset(row));
  }

  onBytes(memory: Uint8Array, start: number, end: number, offset: number): void {
    if (this.#entries.difference === undefined) this.#contents?.take(memory.subarray(start, end), offset);
  }

  /**
   * @param bytes the encoded index of the pass, which has ended
   * @returns the first difference; undefined if they agree
   */
  end(bytes: Uint8Array): string | undefined {
    const found = this.#entries.end() ?? this.#contents?.end();
    if (found !== undefined) return found;
    const own = decodeLayerIndex((offset, length) => bytes.slice(offset, offset + length));
    const { offset, length } = own.states;
    const memory = new SharedArrayBuffer(length);
    new Uint8Array(memory).set(bytes.subarray(offset, offset + length));
    const { index, states } = this.#checked;
    return readingDifference(own, index, { own: { memory }, other: states });
  }
}
