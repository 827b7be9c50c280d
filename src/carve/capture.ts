import type { SparseSegment } from '../tar/entry.js';
import type { ContentSink } from './wanted-file.js';

/** Where a file's content stands in the uncompressed tar. */
export interface ContentPlace {
  dataOffset: number;
  storedSize: number; // bytes in the tar
  sparse: readonly SparseSegment[] | undefined; // whose data lies end to end from dataOffset
}

/** Takes one file's content out of a tar that passes by. */
export class Capture {
  readonly #place: ContentPlace;
  readonly #sink: ContentSink;
  #taken = 0; // bytes of the content in the tar
  #segment = 0;
  #segmentTaken = 0; // bytes of that one

  constructor(place: ContentPlace, sink: ContentSink) {
    this.#place = place;
    this.#sink = sink;
  }

  /** All of it was there. */
  get isComplete(): boolean {
    return this.#taken === this.#place.storedSize;
  }

  /** @param bytes of the tar at `offset`; they follow those of the last call, or stand before the content */
  pass(bytes: Uint8Array, offset: number): void {
    const { dataOffset, storedSize } = this.#place;
    const from = Math.max(0, dataOffset + this.#taken - offset);
    const to = Math.min(bytes.length, dataOffset + storedSize - offset);
    if (from >= to) return;
    this.#take(bytes.subarray(from, to));
  }

  #take(content: Uint8Array): void {
    const { sparse } = this.#place;
    if (!sparse) {
      this.#sink.write(content, this.#taken);
      this.#taken += content.length;
      return;
    }
    let at = 0;
    while (at < content.length) {
      const segment = sparse[this.#segment]!; // they account for all stored bytes: the scanner checked it
      const part = content.subarray(at, at + segment.length - this.#segmentTaken);
      this.#sink.write(part, segment.offset + this.#segmentTaken);
      at += part.length;
      this.#segmentTaken += part.length;
      if (this.#segmentTaken < segment.length) break;
      this.#segment++;
      this.#segmentTaken = 0;
    }
    this.#taken += content.length;
  }
}
