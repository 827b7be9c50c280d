import type { Blob, LocalBytes } from './blob.js';

/**
 * Bytes within which nothing is asked ahead: who looks for one file may find it here and stop, and then nothing was
 * fetched in vain.
 */
export const FRUGAL_LENGTH = 128 * 1024;
/** A tar's first entries and a small file: 64 KiB of gzip hold some hundred KiB. */
const FIRST_LENGTH = 64 * 1024;
/** What one request costs then weighs little, whatever the distance: 8 MiB take 0.7 s at 100 Mbit/s. */
const LONGEST_LENGTH = 8 * 1024 * 1024;

interface Range {
  start: number;
  end: number;
  done: Promise<void>; // every byte was taken by the reader
}

/**
 * Streams a blob to a reader that may stop at any moment, by closed ranges that grow with the way behind it: an open
 * request would fill the sockets' buffers, some MiB, behind the reader's back. One range at a time at first; then the next one is
 * under way while this one is read. No range is longer than half of what was read before it, so that
 * stopping wastes at most as much as was used.
 */
export class GrowingRanges implements Blob {
  readonly #source: Blob;

  constructor(source: Blob) {
    this.#source = source;
  }

  get size(): number {
    return this.#source.size;
  }

  read(offset: number, length: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array> {
    return this.#source.read(offset, length, signal, lent);
  }

  get local(): LocalBytes | undefined {
    return this.#source.local;
  }

  reconnect(): void {
    this.#source.reconnect?.();
  }

  async stream(
    offset: number,
    end: number,
    onChunk: (chunk: Uint8Array) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const stop = new AbortController();
    const within = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const begin = (start: number, before?: Promise<void>): Range => {
      const length = this.#source.servesRanges === false ? end - start : lengthAfter(start - offset);
      const last = Math.min(end, start + length);
      return { start, end: last, done: this.#source.stream(start, last, inTurn(onChunk, before), within) };
    };
    let ahead: Range | undefined;
    try {
      for (let range = begin(offset); ; range = ahead ?? begin(range.end)) {
        ahead = undefined;
        if (range.end < end && range.start - offset >= FRUGAL_LENGTH) {
          ahead = begin(range.end, range.done);
          ahead.done.catch(() => {}); // told when its turn comes
        }
        await range.done;
        if (range.end === end) return;
      }
    } catch (error) {
      stop.abort(error);
      await ahead?.done.catch(() => {}); // nothing goes on behind our back
      throw error;
    }
  }
}

function lengthAfter(passed: number): number {
  const half = Math.floor(passed / 2 / FIRST_LENGTH) * FIRST_LENGTH;
  return Math.max(FIRST_LENGTH, Math.min(half, LONGEST_LENGTH));
}

/** The first chunk waits for the range before: the bytes that follow it stay in the socket. */
function inTurn(
  onChunk: (chunk: Uint8Array) => void | Promise<void>,
  before: Promise<void> | undefined,
): (chunk: Uint8Array) => void | Promise<void> {
  if (!before) return onChunk;
  let isOurTurn = false;
  return (chunk) => {
    if (isOurTurn) return onChunk(chunk);
    return before.then(() => {
      isOurTurn = true;
      return onChunk(chunk);
    });
  };
}
