import type { TargetFile } from './carve-target.js';

/** Zeros written at once into a hole. */
const ZEROS = new Uint8Array(64 * 1024);

/** Writes a file's bytes in sequence, holes as zeros. Written bytes can't be taken back. */
export class SequentialSink implements TargetFile {
  readonly isStream = true;
  #written = 0;

  /** @param out takes the bytes before it returns */
  constructor(
    private readonly size: number,
    private readonly out: (bytes: Uint8Array) => void,
    private readonly onEnd: () => void = () => {},
  ) {}

  write(bytes: Uint8Array, offset: number): void {
    this.#fillTo(offset);
    this.out(bytes);
    this.#written += bytes.length;
  }

  commit(): void {
    this.#fillTo(this.size);
    this.onEnd();
  }

  discard(): void {}

  #fillTo(offset: number): void {
    while (this.#written < offset) {
      const zeros = ZEROS.subarray(0, offset - this.#written);
      this.out(zeros);
      this.#written += zeros.length;
    }
  }
}
