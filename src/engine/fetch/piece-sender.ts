import { FRUGAL_LENGTH } from '../../blob/growing-ranges.js';
import { BufferRing } from './buffer-ring.js';

/** A message costs as much as inflating 10 KiB (measured): most are long. */
const PIECE_SIZE = 256 * 1024;
/** Pieces on their way: 4 MiB cover what a reader does between them; with 1 MiB a walk takes a twentieth longer (measured). */
const PIECES = 16;

/**
 * Hands the bytes of a walk to another thread, piece by piece, in buffers that go round. Bytes go at once when the other one
 * waits for them, else they are gathered meanwhile. As long as the blob's first bytes pass it waits for each piece to be used
 * up: whoever finds there what it looks for says so before more is asked of the network.
 */
export class PieceSender {
  readonly #post: (piece: Uint8Array<ArrayBuffer>) => void;
  readonly #ring = new BufferRing(PIECES, PIECE_SIZE);
  #gathered: Uint8Array | undefined; // a buffer of the ring
  #length = 0; // bytes of it
  #sent = 0; // bytes
  #underWay = 0; // pieces
  #onIdle: (() => void) | undefined;

  /** @param post takes the piece over with its buffer */
  constructor(post: (piece: Uint8Array<ArrayBuffer>) => void) {
    this.#post = post;
  }

  /** Copies the bytes: they are the caller's again when this resolves. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      this.#gathered ??= await this.#ring.take();
      const part = bytes.subarray(at, at + PIECE_SIZE - this.#length);
      this.#gathered.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      if (this.#length === PIECE_SIZE || this.#underWay === 0) this.flush();
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
    const piece = this.#gathered.subarray(0, this.#length) as Uint8Array<ArrayBuffer>;
    this.#sent += this.#length;
    this.#gathered = undefined;
    this.#length = 0;
    this.#underWay++;
    this.#post(piece);
  }

  /** A piece was used up; its buffer comes back. */
  used(buffer: ArrayBuffer): void {
    this.#ring.give(buffer);
    if (--this.#underWay > 0) return;
    this.flush();
    if (this.#underWay === 0) this.#onIdle?.();
  }
}
