import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ComparedFile } from './compared-files.js';
import { dataRanges } from './data-ranges.js';

/** Bytes of the first step: files of one size that differ mostly do so early. */
const FIRST_STEP = 64 * 1024;

/** Bytes of the further steps. */
const STEP = 512 * 1024;

/** Compares files, one pair at a time: it has room for a step of both. */
export class FileComparer {
  #room: { from: Uint8Array; to: Uint8Array } | undefined;

  constructor(private readonly signal: AbortSignal | undefined) {}

  /**
   * Compares the bytes of two files of the same size, up to the first difference. Holes that both
   * have are not read.
   * @throws LayerslayerError as `ComparedFile.read`; the signal's reason
   */
  async compare(from: ComparedFile, to: ComparedFile): Promise<'equal' | 'different'> {
    let step = FIRST_STEP;
    for (const { start, end } of dataRanges(from.size, from.sparse, to.sparse)) {
      for (let at = start; at < end; at += step) {
        if (at > start) {
          step = STEP;
          // Only the event loop frees buffers, and cached bytes need no turn of it.
          await nextTurn();
          this.signal?.throwIfAborted();
        }
        const isEqual = this.#compareParts(from, to, at, Math.min(step, end - at));
        if (!(typeof isEqual === 'boolean' ? isEqual : await isEqual)) return 'different';
      }
    }
    return 'equal';
  }

  /** Compares without a promise if the bytes of both are in memory. */
  #compareParts(
    from: ComparedFile,
    to: ComparedFile,
    at: number,
    length: number,
  ): boolean | Promise<boolean> {
    const some = from.read(at, length, this.signal);
    let others: Uint8Array | Promise<Uint8Array>;
    try {
      others = to.read(at, length, this.signal);
    } catch (error) {
      others = Promise.reject(error);
    }
    if (some instanceof Uint8Array && others instanceof Uint8Array) return areEqual(some, others);
    return this.#compareLater(some, others);
  }

  /** Bytes are valid until the next await: those that come first are copied. */
  async #compareLater(
    some: Uint8Array | Promise<Uint8Array>,
    others: Uint8Array | Promise<Uint8Array>,
  ): Promise<boolean> {
    this.#room ??= { from: new Uint8Array(STEP), to: new Uint8Array(STEP) };
    const { from, to } = this.#room;
    // Both end before the room is used again, also if one fails.
    const [left, right] = await Promise.allSettled([copied(some, from), copied(others, to)]);
    if (left.status === 'rejected') throw left.reason;
    if (right.status === 'rejected') throw right.reason;
    return areEqual(left.value, right.value);
  }
}

function copied(bytes: Uint8Array | Promise<Uint8Array>, room: Uint8Array): Uint8Array | Promise<Uint8Array> {
  const copy = (one: Uint8Array) => {
    room.set(one);
    return room.subarray(0, one.length);
  };
  return bytes instanceof Uint8Array ? copy(bytes) : bytes.then(copy);
}

const areEqual = (some: Uint8Array, others: Uint8Array) => Buffer.compare(some, others) === 0;
