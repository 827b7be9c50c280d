import { LayerslayerError } from '../../base/errors.js';
import { garbageMade } from '../../base/process/garbage.js';
import { instantiateZstd, type ZstdExports } from './zstd-module.js';

/** Most bytes of a block, stored or put out (RFC 8878, 3.1.1.2.3). */
export const BLOCK_MAX = 128 * 1024;

/** Block_Type (RFC 8878, 3.1.1.2.2); 3 is reserved. */
export type BlockType = 'raw' | 'rle' | 'compressed';

/** Bytes of memory from which an instance is replaced when it is too large. */
const LARGE_MEMORY = 24 * 1024 * 1024;

/**
 * One instance of the decoder of zstd blocks, with its buffers: 1.6 MiB, and the window of the
 * frame. Its offsets are of the blob, up to 2^53: only addresses cross into wasm. For one stream at
 * a time.
 */
export class ZstdEngine {
  inputEnd = 0; // address after the last byte of input
  inputAddress = 0; // of the next input byte that is not consumed
  closed = false; // no more input will come
  outOffset = 0; // in the uncompressed blob, of the next output byte

  readonly #instantiate: () => ZstdExports;
  #wasm: ZstdExports;
  #memory: Uint8Array;
  readonly #inputStart: number;
  readonly #inputCapacity: number;
  #hasMoved = false; // no frame was started or resumed since
  #inputBase = 0; // offset in the blob of the byte at address 0: may be negative

  /** @param instantiate default: the build that fits this machine */
  constructor(instantiate: () => ZstdExports = instantiateZstd) {
    this.#instantiate = instantiate;
    this.#wasm = instantiate();
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    this.#inputStart = this.#wasm.inputAddress();
    this.#inputCapacity = this.#wasm.inputSize();
    this.reset(0, 0);
  }

  /** The instance's memory. The view is valid until a frame starts or is resumed. */
  get memory(): Uint8Array {
    return this.#memory;
  }

  /** Bytes of its memory; pages that were never used are included. */
  get memorySize(): number {
    return this.#memory.length;
  }

  /**
   * Moves to another position of the blob, between frames. All input is dropped.
   * @param inOffset of the next compressed byte
   * @param outOffset of the next uncompressed byte
   */
  reset(inOffset: number, outOffset: number): void {
    this.closed = false;
    this.inputEnd = this.#inputStart;
    this.inputAddress = this.#inputStart;
    this.#inputBase = inOffset - this.#inputStart;
    this.outOffset = outOffset;
    this.#hasMoved = true;
  }

  /**
   * Replaces the instance if it is much larger than the window wants: a memory never shrinks. Only
   * after `reset`, as the frames of a hostile blob could alternate.
   */
  #fit(window: number): void {
    const old = this.#memory;
    const isFitting = old.length <= LARGE_MEMORY || window > old.length / 4;
    if (isFitting || !this.#hasMoved) return;
    this.#wasm = this.#instantiate();
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    this.#memory.set(old.subarray(this.inputAddress, this.inputEnd), this.inputAddress);
    garbageMade(old.length);
  }

  /** Takes compressed bytes, as many as there is room for: 255 KiB at least after a block. */
  append(bytes: Uint8Array): number {
    const used = this.inputAddress - this.#inputStart;
    if (used > 0) {
      this.#memory.copyWithin(this.#inputStart, this.inputAddress, this.inputEnd);
      this.inputAddress = this.#inputStart;
      this.inputEnd -= used;
      this.#inputBase += used;
    }
    const room = this.#inputStart + this.#inputCapacity - this.inputEnd;
    const taken = Math.min(room, bytes.length);
    this.#memory.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), this.inputEnd);
    this.inputEnd += taken;
    return taken;
  }

  /** No more input will come. */
  close(): void {
    this.closed = true;
  }

  /** Bytes of input that are not consumed. */
  get inputLength(): number {
    return this.inputEnd - this.inputAddress;
  }

  /** Offset in the blob of the byte that `append` takes next. */
  get appendOffset(): number {
    return this.inputEnd + this.#inputBase;
  }

  /** Offset in the blob of the next byte that is not consumed. */
  get inOffset(): number {
    return this.inputAddress + this.#inputBase;
  }

  /** Address of the next output byte, valid until the next block. The last block ends here. */
  get outputAddress(): number {
    return this.#wasm.outputAddress();
  }

  /**
   * Starts a frame: no match may read earlier output.
   * @param window how far matches may reach, in bytes
   * @param stateRoom most window bytes of a checkpoint, or the window; 0: no checkpoint is made
   */
  startFrame(window: number, stateRoom: number): void {
    this.#fit(window);
    this.#opened(this.#wasm.startFrame(window, stateRoom), window);
  }

  /**
   * Resumes inside a frame, where `saveTables` was called and tracking started.
   * @param windowBytes what `stopTracking` returned
   * @returns 0, or a fault code
   */
  resumeFrame(window: number, tables: Uint8Array, windowBytes: Uint8Array): number {
    this.#fit(window);
    this.#opened(this.#wasm.resumeFrame(window, windowBytes.length), window);
    this.#memory.set(windowBytes, this.#wasm.windowBytesAddress());
    this.#memory.set(tables, this.#wasm.savedAddress());
    return -this.#wasm.restoreTables(tables.length);
  }

  #opened(hasMemory: number, window: number): void {
    if (!hasMemory) throw new LayerslayerError('IO_FAILED', `no memory for a zstd window of ${window} bytes`);
    const { buffer } = this.#wasm.memory;
    if (buffer !== this.#memory.buffer) this.#memory = new Uint8Array(buffer);
    this.#hasMoved = false;
  }

  /**
   * Decodes a block whose stored bytes are the next of the input, and consumes them.
   * @param size Block_Size: of an RLE block what it puts out
   * @param blockMax most bytes that it may put out
   * @returns bytes put out; negative: minus a fault code
   */
  decodeBlock(type: BlockType, size: number, blockMax: number): number {
    const wasm = this.#wasm;
    const at = this.inputAddress;
    let length: number;
    if (size === 0 && type === 'compressed')
      length = 0; // libzstd takes it
    else if (type === 'compressed') length = wasm.compressedBlock(at, size, blockMax);
    else length = type === 'raw' ? wasm.rawBlock(at, size) : wasm.rleBlock(at, size);
    if (length < 0) return length;
    this.inputAddress += type === 'rle' ? 1 : size;
    this.outOffset += length;
    return length;
  }

  /** Adds the last `length` bytes of output to the frame's checksum. */
  hashOutput(length: number): void {
    this.#wasm.hashOutput(length);
  }

  /** Low 32 bits of the XXH64 of the frame's output, as far as it was added. */
  get checksum(): number {
    return this.#wasm.checksum() >>> 0;
  }

  /** Returns repeat offsets and tables of this position, for `resumeFrame`. */
  saveTables(): Uint8Array {
    const length = this.#wasm.saveTables();
    const start = this.#wasm.savedAddress();
    return this.#memory.slice(start, start + length);
  }

  /** Stores from now on what matches read before this position. */
  startTracking(): void {
    this.#wasm.startTracking();
  }

  /** Matches may still read before the position at which tracking started. */
  get isTracking(): boolean {
    return this.#wasm.isTracking() !== 0;
  }

  /** Bytes that `stopTracking` would return. A block adds at most as many as it puts out. */
  get trackedLength(): number {
    return this.#wasm.trackedLength();
  }

  /** Ends tracking. Returns the bytes that were read, in the order of first use. */
  stopTracking(): Uint8Array {
    this.#wasm.stopTracking();
    const start = this.#wasm.windowBytesAddress();
    return this.#memory.slice(start, start + this.#wasm.trackedLength());
  }
}
