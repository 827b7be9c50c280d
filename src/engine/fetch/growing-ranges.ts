import type { Blob, OnChunk, StreamedBlob } from '../../blob/blob.js';

/**
 * Bytes within which nothing is requested ahead: a search for one file may find it here and stop.
 */
export const FRUGAL_LENGTH = 128 * 1024;
/** A tar's first entries and a small file: 64 KiB of gzip hold some hundred KiB. */
const FIRST_LENGTH = 64 * 1024;
/** The cost of a request is then small at any distance: 8 MiB take 0.7 s at 100 Mbit/s. */
const LONGEST_LENGTH = 8 * 1024 * 1024;

interface Range {
  start: number;
  end: number;
  done: Promise<void>; // every byte was taken by the reader
}

/**
 * Streams a blob to a reader that may stop at any moment. Its closed ranges grow: an open request
 * would fill the sockets' buffers, some MiB, which the reader may never use. One range at a time at
 * first, then the next one is requested while this one is read. No range is longer than half of
 * what was read before it: stopping wastes at most as much as was used.
 */
export class GrowingRanges implements StreamedBlob {
  readonly #source: Blob;

  constructor(source: Blob) {
    this.#source = source;
  }

  get size(): number {
    return this.#source.size;
  }

  reconnect(): void {
    this.#source.reconnect?.();
  }

  async stream(offset: number, end: number, onChunk: OnChunk, signal?: AbortSignal): Promise<void> {
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
          ahead.done.catch(() => {}); // thrown in its turn
        }
        await range.done;
        if (range.end === end) return;
      }
    } catch (error) {
      stop.abort(error);
      await ahead?.done.catch(() => {}); // no request outlives this call
      throw error;
    }
  }
}

function lengthAfter(passed: number): number {
  const half = Math.floor(passed / 2 / FIRST_LENGTH) * FIRST_LENGTH;
  return Math.max(FIRST_LENGTH, Math.min(half, LONGEST_LENGTH));
}

/** The first chunk waits for the range before: the bytes that follow it stay in the socket. */
function inTurn(onChunk: OnChunk, before: Promise<void> | undefined): OnChunk {
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
