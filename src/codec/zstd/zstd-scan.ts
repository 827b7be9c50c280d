import { BLOB_START, type Scanner, type ScanObserver } from '../codec.js';
import { CheckpointSpacing } from './checkpoint-spacing.js';
import { packCheckpoint, STATE_ROOM, unpackCheckpoint, type ZstdCheckpoint } from './zstd-checkpoint.js';
import { ZstdDecoder } from './zstd-decoder.js';
import type { ZstdEngine } from './zstd-engine.js';

/**
 * Most output bytes of a blob: what gzip could make of it, and 64 GiB. RLE blocks make 128 KiB of
 * four bytes, which no layer's files are worth: 64 GiB take half a minute.
 */
const OUTPUT_TIMES = 1032;
const OUTPUT_START = 64 * 1024 ** 3;

/**
 * Scans a zstd blob: decodes it once, verifies the checksums, and makes checkpoints: at frames and
 * between blocks. A checkpoint between blocks is reported when its window bytes are known: at the
 * next one, at the frame's end, or a window later.
 */
export class ZstdScan implements Scanner {
  readonly #engine: ZstdEngine;
  readonly #decoder: ZstdDecoder;
  readonly #observer: ScanObserver;
  readonly #spacing: CheckpointSpacing;
  #lastOffset: number | undefined; // outOffset of the last checkpoint
  #tracked: Required<ZstdCheckpoint> | undefined; // its window bytes are not known yet
  #beforeTracked = 0; // outOffset of the checkpoint before it

  /** @param spanSize least output bytes between checkpoints; default: checkpoint-spacing.ts */
  constructor(engine: ZstdEngine, observer: ScanObserver, spanSize?: number) {
    this.#engine = engine;
    this.#observer = observer;
    this.#spacing = new CheckpointSpacing(spanSize);
    // Without checkpoints, windows take no room.
    const stateRoom = spanSize === Number.MAX_SAFE_INTEGER ? 0 : STATE_ROOM;
    this.#decoder = new ZstdDecoder(engine, { stateRoom, isVerifying: true });
    this.#decoder.seek(unpackCheckpoint(BLOB_START));
  }

  push(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0; ) {
      rest = rest.subarray(this.#engine.append(rest));
      this.#decode();
    }
  }

  finish(): void {
    this.#engine.close();
    this.#decode();
  }

  #decode(): void {
    for (;;) {
      const step = this.#decoder.step();
      if (step === 'block') this.#endBlock();
      else if (step === 'frame start') this.#startFrame();
      else return;
    }
  }

  #startFrame(): void {
    const { inOffset, outOffset } = this.#engine;
    const isFirst = this.#lastOffset === undefined;
    if (!isFirst && !this.#spacing.isDueAtFrame(outOffset - this.#lastOffset!)) return;
    this.#lastOffset = outOffset;
    this.#observer.onCheckpoint(packCheckpoint({ inOffset, outOffset }));
  }

  #endBlock(): void {
    const engine = this.#engine;
    const { blockLength, betweenBlocks } = this.#decoder;
    if (engine.outOffset > OUTPUT_START + OUTPUT_TIMES * engine.inOffset) {
      throw this.#decoder.fault('it has more than 64 GiB, far more than its compressed bytes', 'UNSUPPORTED');
    }
    const end = engine.outputAddress;
    if (blockLength > 0) this.#observer.onOutput(engine.memory, end - blockLength, end);
    if (!betweenBlocks) {
      this.#endFrame();
      return;
    }
    if (this.#tracked && !engine.isTracking) this.#deliverTracked(0);
    const span = engine.outOffset - this.#lastOffset!;
    if (!this.#spacing.isDue(span, engine.inOffset)) return;
    if (this.#tracked) this.#deliverTracked(engine.outOffset - this.#tracked.outOffset);
    this.#startTracking();
  }

  #endFrame(): void {
    if (this.#tracked?.outOffset !== this.#engine.outOffset) {
      this.#deliverTracked(0);
      return;
    }
    // Only an empty block came after it (pzstd): the next frame is the better checkpoint.
    this.#engine.stopTracking();
    this.#tracked = undefined;
    this.#lastOffset = this.#beforeTracked;
  }

  #startTracking(): void {
    const { inOffset, outOffset } = this.#engine;
    const { window, hasChecksum } = this.#decoder.frame;
    const tables = this.#engine.saveTables();
    const frame = { window, hasChecksum, holds: 0, tables, windowBytes: new Uint8Array(0) };
    this.#tracked = { inOffset, outOffset, frame };
    this.#beforeTracked = this.#lastOffset!;
    this.#lastOffset = outOffset;
    this.#engine.startTracking();
  }

  /** @param holds see ResumedFrame */
  #deliverTracked(holds: number): void {
    const tracked = this.#tracked;
    if (!tracked) return;
    this.#tracked = undefined;
    const windowBytes = this.#engine.stopTracking();
    if (!windowBytes) return; // it would be too large
    const checkpoint = packCheckpoint({ ...tracked, frame: { ...tracked.frame, holds, windowBytes } });
    this.#spacing.spend(checkpoint.state.length);
    this.#observer.onCheckpoint(checkpoint);
  }
}
