import { INFLATE_WASM_BASE64 } from './inflate-wasm.js';

/** How far back a deflate match can reach, in bytes (RFC 1951, 3.2.5). */
export const DEFLATE_WINDOW_SIZE = 32768;

/** What assembly/inflate.ts exports; see there. Addresses and lengths lie below 2^20, so their sign is no matter. */
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

/** Compiled once a thread, at first use: 1 ms; an instance of it 0.05 ms (measured). */
let compiled: WebAssembly.Module | undefined;

function instantiate(): InflateExports {
  compiled ??= new WebAssembly.Module(Buffer.from(INFLATE_WASM_BASE64, 'base64'));
  return new WebAssembly.Instance(compiled).exports as InflateExports;
}

/**
 * One instance of the decoder with its buffers (704 KiB), in offsets of the blob instead of addresses: these are
 * JavaScript numbers up to 2^53, only addresses cross into wasm. It knows raw deflate only; gzip's frame is
 * GzipDecoder's, which drives it. Used by one stream at a time, again and again (`reset`).
 */
export class InflateEngine {
  /** The instance's memory. It never grows, so this view stays valid. */
  readonly memory: Uint8Array;

  readonly #wasm: InflateExports;
  readonly #inputStart: number;
  readonly #inputCapacity: number;
  readonly #outputStart: number; // address of the first byte after a full window
  readonly #outputLimit: number;

  #inputEnd = 0; // address after the last byte of input
  #inputBase = 0; // offset in the blob of the byte at address 0: may be negative
  #outputBase = 0; // the same of the uncompressed blob
  #closed = false;

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
   * Forgets all input and output and goes on elsewhere, before a stream.
   * @param inOffset of the next compressed byte in the blob
   * @param outOffset of the next uncompressed byte in the blob
   */
  reset(inOffset: number, outOffset: number): void {
    this.#goTo(inOffset, outOffset);
    this.#wasm.resetOutput();
  }

  /** As `reset`, but inside a stream, where tracking began: `window` is what that gave, at most DEFLATE_WINDOW_SIZE bytes. */
  resume(inOffset: number, outOffset: number, window: Uint8Array): void {
    this.#goTo(inOffset, outOffset);
    this.memory.set(window, this.#wasm.windowBytesAddress());
    this.#wasm.resumeOutput(window.length);
  }

  #goTo(inOffset: number, outOffset: number): void {
    this.#closed = false;
    this.#inputEnd = this.#inputStart;
    this.#inputBase = inOffset - this.#inputStart;
    this.#outputBase = outOffset - this.#outputStart;
    this.#wasm.setInput(this.#inputStart);
  }

  /**
   * Takes compressed bytes, as many as there is room for.
   * @returns how many; all of them when they are at most 255 KiB and the last `run` returned NEED_INPUT
   */
  append(bytes: Uint8Array): number {
    const input = this.#wasm.input();
    if (input > this.#inputStart) {
      this.memory.copyWithin(this.#inputStart, input, this.#inputEnd);
      this.#wasm.setInput(this.#inputStart);
      this.#inputEnd -= input - this.#inputStart;
      this.#inputBase += input - this.#inputStart;
    }
    const room = this.#inputStart + this.#inputCapacity - this.#inputEnd;
    const taken = Math.min(room, bytes.length);
    this.memory.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), this.#inputEnd);
    this.#inputEnd += taken;
    return taken;
  }

  /** No more input will come. */
  close(): void {
    this.#closed = true;
    this.memory.fill(0, this.#inputEnd, this.#inputEnd + this.#wasm.inputPadding());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Address of the next input byte that is not consumed, for what gzip puts between streams; see `skipInput`. */
  get inputAddress(): number {
    return this.#wasm.input();
  }

  /** Address after the last input byte. */
  get inputEnd(): number {
    return this.#inputEnd;
  }

  /** Consumes input up to `address` that is not deflate. Not inside a stream. */
  skipInput(address: number): void {
    this.#wasm.setInput(address);
  }

  /** Offset in the blob after all input there is: of the byte that `append` wants next. */
  get appendOffset(): number {
    return this.#inputEnd + this.#inputBase;
  }

  /** Offset in the blob of the next byte that is not consumed; of the byte before it `bitCount` high bits may be left. */
  get inOffset(): number {
    return this.#wasm.input() + this.#inputBase;
  }

  /** 0 to 7. */
  get bitCount(): number {
    return this.#wasm.bitCount();
  }

  /** Address of the next output byte; it lies still until the next `run`. */
  get outputAddress(): number {
    return this.#wasm.output();
  }

  /** Offset in the uncompressed blob of the next output byte. */
  get outOffset(): number {
    return this.#wasm.output() + this.#outputBase;
  }

  /** A block header comes next, at the `bitCount` bits (0 to 7) in `bits` and then the input. */
  startBlocks(bits: number, bitCount: number): void {
    this.#wasm.startBlocks(bits, bitCount);
  }

  /** A new stream comes next: no match may reach back before this place. */
  startStream(): void {
    this.#wasm.forgetHistory();
    this.#wasm.startBlocks(0, 0);
  }

  /**
   * Inflates until something is to be done. The output of earlier calls may be overwritten. It puts out at most
   * 256 KiB, and where it is asked to stop it may go up to 259 bytes further: a match is not interrupted.
   * @param stopOffset output offset to stop at with OUTPUT_FULL; Infinity: when the buffer is full
   * @param checkpointOffset BLOCK_START is reported between blocks from this output offset on
   * @returns one of the events of inflate-codes.ts
   */
  run(stopOffset: number, checkpointOffset: number): number {
    if (this.#wasm.output() >= this.#outputLimit) this.#outputBase += this.#wasm.slideOutput();
    // Clamped before they become addresses: what is negative here would be huge, as wasm's addresses are unsigned.
    const stop = clamp(stopOffset - this.#outputBase, this.#outputLimit);
    const checkpointFrom = clamp(checkpointOffset - this.#outputBase, this.memory.length);
    return this.#wasm.run(this.#inputEnd, this.#closed ? 1 : 0, stop, checkpointFrom);
  }

  /** Why the last `run` returned FAULT: one of the FAULT codes. */
  get faultCode(): number {
    return this.#wasm.faultCode();
  }

  /** Keeps from here on what matches read before this place; to be ended when DEFLATE_WINDOW_SIZE more has been put out. Not so soon
   * after `resume`. */
  startTracking(): void {
    this.#wasm.startTracking();
  }

  /**
   * Ends tracking.
   * @returns what `resume` wants of the window before the place where it began: a copy of the bytes that were read, each
   *   once, in the order in which they first were
   */
  stopTracking(): Uint8Array {
    const start = this.#wasm.windowBytesAddress();
    return this.memory.slice(start, start + this.#wasm.stopTracking());
  }
}

function clamp(address: number, highest: number): number {
  return Math.max(0, Math.min(address, highest));
}
