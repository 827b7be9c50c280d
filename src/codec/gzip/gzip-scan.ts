import { crc32 } from 'node:zlib';
import { LayerslayerError } from '../../base/errors.js';
import { BLOB_START, type Scanner, type ScanObserver } from '../codec.js';
import { type GzipCheckpoint, packCheckpoint, unpackCheckpoint } from './gzip-checkpoint.js';
import { GzipDecoder } from './gzip-decoder.js';
import { DEFLATE_WINDOW_SIZE, type InflateEngine } from './inflate-engine.js';

/**
 * Default least output bytes between checkpoints. A random read inflates half of it on average
 * (0.4 ms). Windows take 0.7 % of a layer of programs; with spans of 256 KiB twice that (measured).
 */
export const DEFAULT_SPAN_SIZE = 512 * 1024;

/**
 * A span with less input than this share of its least output is extended, up to LONGEST_SPAN times
 * that. Text inflates twice as fast as programs, and its windows would take 1.3 % (measured).
 */
const LEAST_INPUT_SHARE = 5 / 16;
const LONGEST_SPAN = 2;

/** ISIZE is the size modulo 2^32 (RFC 1952, 2.3.1). */
const ISIZE_MODULUS = 2 ** 32;

/**
 * Scans a gzip blob, as zran's `deflate_index_build` does: inflates it once, verifies each member's
 * CRC32 and size, and makes checkpoints. Member starts are the cheapest ones, as they need no
 * window; of many tiny members only one a span becomes a checkpoint.
 */
export class GzipScan implements Scanner {
  readonly #engine: InflateEngine;
  readonly #decoder: GzipDecoder;
  readonly #observer: ScanObserver;
  readonly #spanSize: number;
  #spanStart: Pick<GzipCheckpoint, 'inOffset' | 'outOffset'> | undefined; // the last checkpoint
  #tracked: GzipCheckpoint | undefined; // its window is not final yet
  #memberCrc = 0; // of the member's output so far
  #memberOutOffset = 0; // where the member began

  /**
   * @param spanSize least output bytes between checkpoints. Real spans are longer: up to twice
   *   where data compresses well, then up to the next deflate block or member. That is 8 MB further
   *   in runs of zeros, and any distance in a hostile blob.
   * @throws LayerslayerError INVALID_ARGUMENT for a span shorter than a window
   */
  constructor(engine: InflateEngine, observer: ScanObserver, spanSize = DEFAULT_SPAN_SIZE) {
    this.#spanSize = spanSize;
    // One window is tracked at a time, for DEFLATE_WINDOW_SIZE bytes.
    if (!(this.#spanSize >= DEFLATE_WINDOW_SIZE)) {
      throw new LayerslayerError(
        'INVALID_ARGUMENT',
        `got a span of ${this.#spanSize} bytes, want ${DEFLATE_WINDOW_SIZE} or more`,
      );
    }
    this.#engine = engine;
    this.#observer = observer;
    this.#decoder = new GzipDecoder(engine);
    this.#decoder.seek(unpackCheckpoint(BLOB_START));
  }

  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0) {
      rest = rest.subarray(this.#engine.append(rest));
      this.#inflate();
    }
  }

  /** See `Scanner.finish`. Returns the uncompressed bytes and the number of members. */
  finish(): { outSize: number; members: number } {
    this.#engine.close();
    this.#inflate();
    return { outSize: this.#engine.outOffset, members: this.#decoder.members };
  }

  #inflate(): void {
    const engine = this.#engine;
    for (;;) {
      const outOffset = engine.outOffset;
      const stopOffset = this.#tracked
        ? this.#tracked.outOffset + DEFLATE_WINDOW_SIZE
        : Number.POSITIVE_INFINITY;
      const step = this.#decoder.step(stopOffset, (this.#spanStart?.outOffset ?? 0) + this.#spanSize);
      this.#deliverOutput(engine.outOffset - outOffset);
      // No match from here on can reach the window, or the next checkpoint takes over.
      if (engine.outOffset >= stopOffset || step === 'member end') this.#deliverTracked();
      if (step === 'block') this.#offerCheckpoint(false);
      else if (step === 'member start') this.#startMember();
      else if (step === 'member end') this.#checkMember();
      else if (step !== 'output') return;
    }
  }

  #deliverOutput(length: number): void {
    if (length === 0) return;
    const { memory, outputAddress } = this.#engine;
    this.#memberCrc = crc32(memory.subarray(outputAddress - length, outputAddress), this.#memberCrc);
    this.#observer.onOutput(memory, outputAddress - length, outputAddress);
  }

  #startMember(): void {
    this.#memberCrc = 0;
    this.#memberOutOffset = this.#engine.outOffset;
    this.#offerCheckpoint(true);
  }

  #checkMember(): void {
    const { storedCrc, storedSize } = this.#decoder;
    const size = (this.#engine.outOffset - this.#memberOutOffset) % ISIZE_MODULUS;
    if (storedCrc !== this.#memberCrc) {
      throw this.#decoder.fault(
        `the member's CRC32 is ${hex(this.#memberCrc)}, its trailer says ${hex(storedCrc)}`,
      );
    }
    if (storedSize !== size) {
      throw this.#decoder.fault(`the member has ${size} bytes (modulo 2^32), its trailer says ${storedSize}`);
    }
  }

  /** The engine stands where a checkpoint can be: makes one if the span is long enough. */
  #offerCheckpoint(memberStart: boolean): void {
    const { inOffset, bitCount, outOffset } = this.#engine;
    if (this.#spanStart) {
      const input = inOffset - this.#spanStart.inOffset;
      const output = outOffset - this.#spanStart.outOffset;
      // What costs no window is taken at the end of any span.
      const short = !memberStart && input < LEAST_INPUT_SHARE * this.#spanSize;
      if (output < (short ? LONGEST_SPAN : 1) * this.#spanSize) return;
    }
    const checkpoint = {
      inOffset,
      bits: memberStart ? 0 : bitCount,
      outOffset,
      window: new Uint8Array(0),
      isDense: false,
      memberStart,
    };
    this.#spanStart = checkpoint;
    if (memberStart) {
      this.#observer.onCheckpoint(packCheckpoint(checkpoint));
      return;
    }
    this.#tracked = checkpoint;
    this.#engine.startTracking();
  }

  #deliverTracked(): void {
    if (!this.#tracked) return;
    this.#tracked.window = this.#engine.stopTracking();
    this.#observer.onCheckpoint(packCheckpoint(this.#tracked));
    this.#tracked = undefined;
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
