import { BufferPool } from '../../base/buffer-pool.js';
import { FRUGAL_LENGTH } from './growing-ranges.js';

/** A message costs as much as inflating 10 KiB (measured): most parts are long. */
const PART_SIZE = 256 * 1024;
/** Bytes of the first part at least: the first block of a tar tells the format. */
const FIRST_LENGTH = 512;
/**
 * Parts on their way: 4 MiB cover what a reader does between them; 1 MiB is 5 % slower (measured).
 */
const PARTS = 16;

/**
 * Passes the bytes of an observed stream to another thread in buffers that come back. While a part
 * is under way, bytes are gathered. As long as the blob's first bytes pass it waits until each part
 * is used: an observer that finds there what it needs says so before more is fetched.
 */
export class PartSender {
  readonly #post: (part: Uint8Array, offset: number) => Promise<ArrayBuffer>;
  readonly #buffers = new BufferPool(PART_SIZE, PARTS);
  #gathered: Uint8Array | undefined; // a buffer of the buffers
  #length = 0; // bytes of it
  #sent = 0; // bytes
  #underWay = 0; // parts
  #onIdle: (() => void) | undefined;

  /** @param post takes the part with its buffer, and returns the buffer */
  constructor(post: (part: Uint8Array, offset: number) => Promise<ArrayBuffer>) {
    this.#post = post;
  }

  /** Copies the bytes: they are the caller's again when this resolves. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      this.#gathered ??= await this.#buffers.next();
      const part = bytes.subarray(at, at + PART_SIZE - this.#length);
      this.#gathered.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      const isLong = this.#sent > 0 || this.#length >= FIRST_LENGTH;
      if (this.#length === PART_SIZE || (this.#underWay === 0 && isLong)) this.flush();
    }
    if (this.#sent <= FRUGAL_LENGTH && this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  /** Sends what was gathered. */
  flush(): void {
    if (!this.#gathered || this.#length === 0) return;
    const part = this.#gathered.subarray(0, this.#length);
    const offset = this.#sent;
    this.#sent += this.#length;
    this.#gathered = undefined;
    this.#length = 0;
    this.#underWay++;
    this.#post(part, offset).then(
      (buffer) => this.#used(buffer),
      () => {}, // a reader that is gone aborts the stream
    );
  }

  /** The bytes come again from the first on. */
  restart(): void {
    this.#length = 0;
    this.#sent = 0;
  }

  #used(buffer: ArrayBuffer): void {
    this.#buffers.release(buffer);
    if (--this.#underWay > 0) return;
    this.flush();
    if (this.#underWay === 0) this.#onIdle?.();
  }
}
