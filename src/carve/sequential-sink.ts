import type { TargetFile } from './carve-target.js';

/** Zeros written at once into a hole. */
const ZEROS = new Uint8Array(64 * 1024);

/** A file whose bytes go out one after the other: holes are written as zeros. What is out can't be taken back. */
export class SequentialSink implements TargetFile {
  readonly #size: number;
  readonly #out: (bytes: Uint8Array) => void;
  readonly #onEnd: () => void;
  #written = 0;

  /** @param out takes the bytes before it returns */
  constructor(size: number, out: (bytes: Uint8Array) => void, onEnd: () => void = () => {}) {
    this.#size = size;
    this.#out = out;
    this.#onEnd = onEnd;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#fillTo(offset);
    this.#out(bytes);
    this.#written += bytes.length;
  }

  commit(): void {
    this.#fillTo(this.#size);
    this.#onEnd();
  }

  discard(): void {}

  #fillTo(offset: number): void {
    while (this.#written < offset) {
      const zeros = ZEROS.subarray(0, offset - this.#written);
      this.#out(zeros);
      this.#written += zeros.length;
    }
  }
}
