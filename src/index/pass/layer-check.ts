import type { TarEntry } from '../../tar/entry.js';
import { decodeLayerIndex } from '../file/decode-index.js';
import { EntryComparison, readingDifference } from '../index-comparison.js';
import type { IndexOrigin } from '../index-origin.js';
import type { LayerIndex } from '../layer-index.js';
import type { StateStorage } from '../states/checkpoints.js';
import { ContentCheck } from './content-check.js';
import type { PassObserver } from './pass-observer.js';
import { SpanReplay } from './span-replay.js';

/** An index that a pass over its layer compares with the layer's bytes. */
export interface CheckedIndex {
  name: string; // key of its origin
  index: LayerIndex;
  origin: IndexOrigin;
  states: StateStorage;
}

/**
 * Compares an index of another origin with all that an own pass reads: the entries, the files'
 * bytes where the index has digests of them, and what is decompressed from its checkpoints.
 */
export class LayerCheck implements PassObserver {
  readonly #checked: CheckedIndex;
  readonly #entries: EntryComparison;
  readonly #contents: ContentCheck | undefined;
  readonly #spans: SpanReplay | undefined;

  get name(): string {
    return this.#checked.name;
  }

  constructor(checked: CheckedIndex) {
    const { index, origin } = checked;
    this.#checked = checked;
    this.#entries = new EntryComparison(index, origin);
    // States in a registry are at hand only for an index that a mount uses.
    const hasStates = index.checkpoints.length > 0 && !('remote' in checked.states);
    if (hasStates) this.#spans = new SpanReplay(index, checked.states);
    if (index.verification.kind === 'chunks') this.#contents = new ContentCheck(index.verification.chunks);
  }

  onEntry(entry: TarEntry): void {
    const row = this.#entries.next(entry);
    if (row !== undefined) this.#contents?.add(entry, this.#checked.index.entries.dataOffset(row));
  }

  onInput(bytes: Uint8Array, offset: number): void {
    if (this.#entries.difference === undefined) this.#spans?.takeInput(bytes, offset);
  }

  onBytes(memory: Uint8Array, start: number, end: number, offset: number): void {
    if (this.#entries.difference !== undefined) return;
    const bytes = memory.subarray(start, end);
    this.#contents?.take(bytes, offset);
    this.#spans?.takeOutput(bytes, offset);
  }

  /**
   * @param bytes the encoded index of the pass, which has ended
   * @returns the first difference; undefined if they agree
   */
  end(bytes: Uint8Array): string | undefined {
    const found = this.#entries.end() ?? this.#contents?.end() ?? this.#spans?.end();
    if (found !== undefined) return found;
    const own = decodeLayerIndex((offset, length) => bytes.slice(offset, offset + length));
    return readingDifference(own, this.#checked.index);
  }
}
