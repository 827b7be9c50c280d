import { BLOB_START, type Codec, type Cursor, type Scanner } from '../codec.js';

const NOTHING = new Uint8Array(0);

/** Longest slice of output. */
const MAX_OUTPUT = 256 * 1024;

/** No compression: every offset is a checkpoint. */
export const plain: Codec = {
  name: 'plain',
  isIdentity: true,
  scanner(observer): Scanner {
    return {
      push(bytes) {
        for (let at = 0; at < bytes.length; at += MAX_OUTPUT) {
          observer.onOutput(bytes, at, Math.min(at + MAX_OUTPUT, bytes.length));
        }
      },
      finish() {},
    };
  },
  cursor: () => new PlainCursor(),
  checkpointAt: (outOffset) => ({ ...BLOB_START, inOffset: outOffset, outOffset }),
};

class PlainCursor implements Cursor {
  outOffset = 0;
  ended = false;
  readonly mustSeek = false;
  readonly memorySize = 0;
  #bytes: Uint8Array = NOTHING; // pushed and not yet read
  #final = false;

  seek({ outOffset }: { outOffset: number }): void {
    this.outOffset = outOffset;
    this.ended = false;
    this.#bytes = NOTHING;
    this.#final = false;
  }

  get inputOffset(): number {
    return this.outOffset + this.#bytes.length;
  }

  push(bytes: Uint8Array, final: boolean): number {
    if (this.#bytes.length > 0) return 0;
    this.#bytes = bytes;
    this.#final = final;
    return bytes.length;
  }

  read(target: Uint8Array): number {
    const length = Math.min(target.length, this.#bytes.length);
    target.set(this.#bytes.subarray(0, length));
    return this.skip(length);
  }

  skip(length: number): number {
    const skipped = Math.min(length, this.#bytes.length);
    this.ended = this.#bytes.length === 0 && this.#final;
    this.#bytes = this.#bytes.subarray(skipped);
    this.outOffset += skipped;
    return skipped;
  }
}
