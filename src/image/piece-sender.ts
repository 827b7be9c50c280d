import { FRUGAL_LENGTH } from '../blob/growing-ranges.js';
import { BufferRing } from './buffer-ring.js';

/** What a socket hands over at once. */
const PIECE_SIZE = 64 * 1024;
/** Pieces on their way: 1 MiB covers the time that it takes to inflate one. */
const PIECES = 16;

/**
 * Hands the bytes of a walk to another thread, piece by piece, in buffers that go round. As long as the blob's first bytes
 * pass it waits for each to be used up: whoever finds there what it looks for says so before more is asked of the network.
 */
export class PieceSender {
  readonly #post: (piece: Uint8Array<ArrayBuffer>) => void;
  readonly #ring = new BufferRing(PIECES, PIECE_SIZE);
  #sent = 0; // bytes
  #underWay = 0; // pieces
  #onIdle: (() => void) | undefined;

  /** @param post takes the piece over with its buffer */
  constructor(post: (piece: Uint8Array<ArrayBuffer>) => void) {
    this.#post = post;
  }

  /** Copies the bytes: they are the caller's again when this resolves. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE_SIZE) {
      const part = bytes.subarray(at, at + PIECE_SIZE);
      const piece = (await this.#ring.take()).subarray(0, part.length) as Uint8Array<ArrayBuffer>;
      piece.set(part);
      this.#underWay++;
      this.#sent += part.length;
      this.#post(piece);
    }
    if (this.#sent <= FRUGAL_LENGTH && this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  /** A piece was used up; its buffer comes back. */
  used(buffer: ArrayBuffer): void {
    this.#ring.give(buffer);
    if (--this.#underWay === 0) this.#onIdle?.();
  }
}
