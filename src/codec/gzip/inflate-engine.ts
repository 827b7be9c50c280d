import { INFLATE_WASM_BASE64 } from './inflate-wasm.js';

/** How far back a deflate match can reach, in bytes (RFC 1951, 3.2.5). */
export const DEFLATE_WINDOW_SIZE = 32768;

/** What assembly/inflate.ts exports. Addresses and lengths are below 2^20, and so positive. */
interface InflateExports {
  readonly memory: WebAssembly.Memory;
  inputAddress(): number;
  inputSize(): number;
  inputPadding(): number;
  outputAddress(): number;
  outputLimit(): number;
  windowBytesAddress(): number;
  input(): number;
  bitCount(): number;
  output(): number;
  faultCode(): number;
  resetOutput(): void;
  resumeOutput(length: number): void;
  startBlocks(bits: number, bitCount: number): void;
  forgetHistory(): void;
  setInput(address: number): void;
  slideOutput(): number;
  startTracking(): void;
  stopTracking(): number;
  run(inputEnd: number, last: number, stop: number, checkpointFrom: number): number;
}

/** Compiled once a thread, at first use: 1 ms. An instance takes 0.05 ms (measured). */
let compiled: WebAssembly.Module | undefined;

function instantiate(): InflateExports {
  compiled ??= new WebAssembly.Module(Buffer.from(INFLATE_WASM_BASE64, 'base64'));
  return new WebAssembly.Instance(compiled).exports as InflateExports;
}

/**
 * One instance of the decoder of raw deflate, with its buffers (704 KiB). Its offsets are of the
 * blob, up to 2^53: only addresses cross into wasm. For one stream at a time.
 */
export class InflateEngine {
  /** The instance's memory. It never grows, so this view stays valid. */
  readonly memory: Uint8Array;
  inputEnd = 0; // address after the last byte of input
  closed = false; // no more input will come

  readonly #wasm: InflateExports;
  readonly #inputStart: number;
  readonly #inputCapacity: number;
  readonly #outputStart: number; // address of the first byte after a full window
  readonly #outputLimit: number;

  #inputBase = 0; // offset in the blob of the byte at address 0: may be negative
  #outputBase = 0; // the same of the uncompressed blob

  constructor() {
    this.#wasm = instantiate();
    this.memory = new Uint8Array(this.#wasm.memory.buffer);
    this.#inputStart = this.#wasm.inputAddress();
    this.#inputCapacity = this.#wasm.inputSize();
    this.#outputStart = this.#wasm.outputAddress() + DEFLATE_WINDOW_SIZE;
    this.#outputLimit = this.#wasm.outputLimit();
    this.reset(0, 0);
  }

  /**
   * Moves to another position of the blob, before a stream. All input and output is dropped.
   * @param inOffset of the next compressed byte
   * @param outOffset of the next uncompressed byte
   */
  reset(inOffset: number, outOffset: number): void {
    this.#goTo(inOffset, outOffset);
    this.#wasm.resetOutput();
  }

  /** As `reset`, but inside a stream, where tracking started. `window` is what that returned. */
  resume(inOffset: number, outOffset: number, window: Uint8Array): void {
    this.#goTo(inOffset, outOffset);
    this.memory.set(window, this.#wasm.windowBytesAddress());
    this.#wasm.resumeOutput(window.length);
  }

  /**
   * As `resume`, with all bytes before outOffset: as many as a match may reach, or as the stream
   * has. Bytes before a shorter window count as zeros, not as what earlier streams left in memory.
   */
  resumeDense(inOffset: number, outOffset: number, window: Uint8Array): void {
    this.#goTo(inOffset, outOffset);
    const windowStart = this.#outputStart - window.length;
    this.memory.fill(0, this.#outputStart - DEFLATE_WINDOW_SIZE, windowStart);
    this.memory.set(window, windowStart);
    this.#wasm.resumeOutput(0);
    this.#wasm.stopTracking(); // matches read the window in place
  }

  #goTo(inOffset: number, outOffset: number): void {
    this.closed = false;
    this.inputEnd = this.#inputStart;
    this.#inputBase = inOffset - this.#inputStart;
    this.#outputBase = outOffset - this.#outputStart;
    this.#wasm.setInput(this.#inputStart);
  }

  /**
   * Takes compressed bytes, as many as there is room for: 255 KiB at least after NEED_INPUT.
   * @returns how many
   */
  append(bytes: Uint8Array): number {
    const input = this.#wasm.input();
    if (input > this.#inputStart) {
      this.memory.copyWithin(this.#inputStart, input, this.inputEnd);
      this.#wasm.setInput(this.#inputStart);
      this.inputEnd -= input - this.#inputStart;
      this.#inputBase += input - this.#inputStart;
    }
    const room = this.#inputStart + this.#inputCapacity - this.inputEnd;
    const taken = Math.min(room, bytes.length);
    this.memory.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), this.inputEnd);
    this.inputEnd += taken;
    return taken;
  }

  /** No more input will come. */
  close(): void {
    this.closed = true;
    this.memory.fill(0, this.inputEnd, this.inputEnd + this.#wasm.inputPadding());
  }

  /** Address of the next input byte that is not consumed. */
  get inputAddress(): number {
    return this.#wasm.input();
  }

  /** Consumes input up to `address`, between streams. */
  skipInput(address: number): void {
    this.#wasm.setInput(address);
  }

  /** Offset in the blob of the byte that `append` takes next. */
  get appendOffset(): number {
    return this.inputEnd + this.#inputBase;
  }

  /** Offset in the blob of the next whole byte; `bitCount` high bits of the one before are left. */
  get inOffset(): number {
    return this.#wasm.input() + this.#inputBase;
  }

  /** 0 to 7. */
  get bitCount(): number {
    return this.#wasm.bitCount();
  }

  /** Address of the next output byte, valid until the next `run`. */
  get outputAddress(): number {
    return this.#wasm.output();
  }

  /** Offset in the uncompressed blob of the next output byte. */
  get outOffset(): number {
    return this.#wasm.output() + this.#outputBase;
  }

  /** A block header is next, at the `bitCount` bits (0 to 7) in `bits`, then the input. */
  startBlocks(bits: number, bitCount: number): void {
    this.#wasm.startBlocks(bits, bitCount);
  }

  /** A new stream is next: no match may read earlier output. */
  startStream(): void {
    this.#wasm.forgetHistory();
    this.#wasm.startBlocks(0, 0);
  }

  /**
   * Inflates at most 256 KiB, over the output of earlier calls.
   * @param stopOffset of the output: stops there, or up to 259 bytes later, with OUTPUT_FULL
   * @param checkpointOffset of the output: from there on, returns BLOCK_START between blocks
   * @returns one of the events of inflate-codes.ts
   */
  run(stopOffset: number, checkpointOffset: number): number {
    if (this.#wasm.output() >= this.#outputLimit) this.#outputBase += this.#wasm.slideOutput();
    // wasm's addresses are unsigned: a negative one would be huge.
    const stop = clamp(stopOffset - this.#outputBase, this.#outputLimit);
    const checkpointFrom = clamp(checkpointOffset - this.#outputBase, this.memory.length);
    return this.#wasm.run(this.inputEnd, this.closed ? 1 : 0, stop, checkpointFrom);
  }

  /** Why the last `run` returned FAULT: one of the FAULT codes. */
  get faultCode(): number {
    return this.#wasm.faultCode();
  }

  /**
   * Stores from now on what matches read before this position. End it after DEFLATE_WINDOW_SIZE
   * bytes of output. Not within so many bytes after `resume`.
   */
  startTracking(): void {
    this.#wasm.startTracking();
  }

  /**
   * Ends tracking.
   * @returns the window for `resume`: a copy of the bytes that were read, in the order of first use
   */
  stopTracking(): Uint8Array {
    const start = this.#wasm.windowBytesAddress();
    return this.memory.slice(start, start + this.#wasm.stopTracking());
  }
}

function clamp(address: number, highest: number): number {
  return Math.max(0, Math.min(address, highest));
}
