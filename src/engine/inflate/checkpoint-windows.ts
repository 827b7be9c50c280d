import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DEFLATE_WINDOW_SIZE, InflateEngine } from '../../codec/gzip/inflate-engine.js';
import { inflatePrefix } from '../../codec/gzip/inflate-prefix.js';
import { type CheckpointColumns, WINDOW_GROUP, type WindowStorage } from '../../index/layer-index.js';

const EMPTY = new Uint8Array(0);

/** One a thread: it is used by one call at a time, from its start to its end. */
let engine: InflateEngine | undefined;

/** The windows of a layer's checkpoints, read and inflated when a reader resumes there, and checked only then. */
export class CheckpointWindows {
  readonly #checkpoints: CheckpointColumns;
  readonly #storage: WindowStorage;
  readonly #onDamage: (number: number, why: string) => void;

  constructor(
    checkpoints: CheckpointColumns,
    storage: WindowStorage,
    onDamage: (number: number, why: string) => void,
  ) {
    this.#checkpoints = checkpoints;
    this.#storage = storage;
    this.#onDamage = onDamage;
  }

  /** The inflated window; undefined when it is damaged: one resumes at an earlier checkpoint then. */
  window(number: number): Uint8Array | undefined {
    const { windowStarts, windowCrcs } = this.#checkpoints;
    const size = windowStarts[number + 1]! - windowStarts[number]!;
    if (size === 0) return EMPTY;
    try {
      if (!(size > 0 && size <= DEFLATE_WINDOW_SIZE)) throw new Error(`got a window of ${size} bytes`);
      const window = this.#inflated(number);
      if (crc32(window) === windowCrcs[number]) return window;
      this.#onDamage(number, 'its bytes are not as written');
    } catch (error) {
      this.#onDamage(number, (error as Error).message);
    }
    return undefined;
  }

  #inflated(number: number): Uint8Array {
    const { windowStarts } = this.#checkpoints;
    const group = Math.floor(number / WINDOW_GROUP);
    const groupStart = windowStarts[group * WINDOW_GROUP]!;
    const end = windowStarts[number + 1]! - groupStart;
    engine ??= new InflateEngine();
    const windows = inflatePrefix(engine, this.#deflated(group), end);
    return windows.subarray(windowStarts[number]! - groupStart);
  }

  #deflated(group: number): Uint8Array {
    const { groupStarts } = this.#checkpoints;
    const storage = this.#storage;
    const start = groupStarts[group]!;
    const length = groupStarts[group + 1]! - start;
    if ('memory' in storage) return new Uint8Array(storage.memory, start, length);
    const bytes = new Uint8Array(length);
    const read = readSync(storage.fd, bytes, 0, length, storage.section.offset + start);
    if (read < length) throw new Error(`its file ends ${length - read} bytes early`);
    return bytes;
  }
}
