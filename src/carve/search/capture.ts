import type { TarEntry } from '../../tar/entry.js';
import type { ContentSink } from '../output/carve-target.js';

/** Location of a file's content in the uncompressed tar. */
export type ContentRange = Pick<TarEntry, 'dataOffset' | 'storedSize' | 'sparse'>;

/** Takes one file's content out of a tar that passes by. */
export class Capture {
  #taken = 0; // bytes of the content in the tar
  #segment = 0;
  #segmentTaken = 0; // bytes of that one

  constructor(
    private readonly range: ContentRange,
    private readonly sink: ContentSink,
  ) {}

  /** Returns a capture that is complete, for content that is not needed. */
  static ofNothing(): Capture {
    return new Capture({ dataOffset: 0, storedSize: 0, sparse: undefined }, { write: () => {} });
  }

  get isComplete(): boolean {
    return this.#taken === this.range.storedSize;
  }

  /**
   * @param bytes of the tar at `offset`; they follow those of the last call, or precede the content
   */
  pass(bytes: Uint8Array, offset: number): void {
    const { dataOffset, storedSize } = this.range;
    const from = Math.max(0, dataOffset + this.#taken - offset);
    const to = Math.min(bytes.length, dataOffset + storedSize - offset);
    if (from < to) this.#take(bytes.subarray(from, to));
  }

  #take(content: Uint8Array): void {
    const { sparse } = this.range;
    if (!sparse) this.sink.write(content, this.#taken);
    this.#taken += content.length;
    for (let at = 0; sparse && at < content.length; ) {
      const segment = sparse[this.#segment]!; // they cover all stored bytes: the scanner checked it
      const part = content.subarray(at, at + segment.length - this.#segmentTaken);
      this.sink.write(part, segment.offset + this.#segmentTaken);
      at += part.length;
      this.#segmentTaken += part.length;
      if (this.#segmentTaken < segment.length) break;
      this.#segment++;
      this.#segmentTaken = 0;
    }
  }
}
