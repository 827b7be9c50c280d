import { LayerslayerError } from '../../base/errors.js';
import type { GzipCheckpoint } from './gzip-checkpoint.js';
import { GzipHeader } from './gzip-header.js';
import { BLOCK_START, NEED_INPUT, OUTPUT_FULL, STREAM_END } from './inflate-codes.js';
import type { InflateEngine } from './inflate-engine.js';
import { describeFault } from './inflate-faults.js';

/** RFC 1952, 2.3: CRC32 and ISIZE, four bytes each, little-endian. */
const TRAILER_SIZE = 8;

const BITS_PER_BYTE = 8;

/** Why `step` stopped. Each may come after output. */
type GzipStep =
  | 'need input' // all but a few bytes of the input are used
  | 'output' // the engine's buffer is full, or stopOffset is reached
  | 'block' // between two deflate blocks, from checkpointOffset on
  | 'member start' // at a gzip header, of which nothing is read
  | 'member end' // the trailer is read: storedCrc, storedSize
  | 'end'; // of the blob

type State = 'between members' | 'header' | 'resume' | 'deflate' | 'trailer' | 'padding' | 'end';

/**
 * A gzip blob (RFC 1952) as a sequence of steps: headers, deflate streams and trailers of any
 * number of members, then perhaps zeros. `gzip -dc` and node:zlib ignore these too (tapes and block
 * devices are padded so). Anything else after a member is an error.
 */
export class GzipDecoder {
  members = 0; // ended since `seek`
  storedCrc = 0; // of the member that ended last, by its trailer
  storedSize = 0; // of the same, modulo 2^32
  readonly #engine: InflateEngine;
  #header = new GzipHeader();
  #state: State = 'between members';
  #resumeBits = 0;

  constructor(engine: InflateEngine) {
    this.#engine = engine;
  }

  /** Moves to a checkpoint. If it has bits, the input begins with the byte before its inOffset. */
  seek(checkpoint: GzipCheckpoint): void {
    const { inOffset, bits, outOffset, window, isDense, memberStart } = checkpoint;
    const nextOffset = inOffset - (bits > 0 ? 1 : 0);
    this.members = 0;
    this.#resumeBits = bits;
    this.#state = memberStart ? 'between members' : 'resume';
    if (memberStart) this.#engine.reset(inOffset, outOffset);
    else if (isDense) this.#engine.resumeDense(nextOffset, outOffset, window);
    else this.#engine.resume(nextOffset, outOffset, window);
  }

  /**
   * Decodes to the next step; for the offsets see `InflateEngine.run`.
   * @throws LayerslayerError CORRUPT_LAYER
   */
  step(stopOffset: number, checkpointOffset: number): GzipStep {
    for (;;) {
      const step = this.#advance(stopOffset, checkpointOffset);
      if (step === 'need input' && this.#engine.closed) throw this.fault(`cut short (${this.#state})`);
      if (step !== undefined) return step;
    }
  }

  /** Returns an error that names the decoder's position. */
  fault(reason: string): LayerslayerError {
    const { inOffset, outOffset } = this.#engine;
    return new LayerslayerError(
      'CORRUPT_LAYER',
      `inflating gzip at compressed offset ${inOffset}, uncompressed offset ${outOffset}: ${reason}`,
    );
  }

  /** One state's work; undefined when it only led to another state. */
  #advance(stopOffset: number, checkpointOffset: number): GzipStep | undefined {
    switch (this.#state) {
      case 'between members':
        return this.#betweenMembers();
      case 'header':
        return this.#readHeader();
      case 'resume':
        return this.#resume();
      case 'deflate':
        return this.#inflate(stopOffset, checkpointOffset);
      case 'trailer':
        return this.#readTrailer();
      case 'padding':
        return this.#readPadding();
      case 'end':
        return 'end';
    }
  }

  #betweenMembers(): GzipStep | undefined {
    const { memory, inputAddress, inputEnd, closed } = this.#engine;
    if (inputAddress === inputEnd) {
      if (!closed || this.members === 0) return 'need input';
      this.#state = 'end';
    } else if (memory[inputAddress] === 0 && this.members > 0) {
      this.#state = 'padding';
    } else {
      this.#header = new GzipHeader();
      this.#state = 'header';
      return 'member start';
    }
    return undefined;
  }

  #readHeader(): GzipStep | undefined {
    const engine = this.#engine;
    engine.skipInput(this.#header.read(engine.memory, engine.inputAddress, engine.inputEnd));
    if (this.#header.fault !== undefined) throw this.fault(`not a gzip member: ${this.#header.fault}`);
    if (!this.#header.done) return 'need input';
    engine.startStream();
    this.#state = 'deflate';
    return undefined;
  }

  /** Starts at a block header inside a member, which may begin within a byte. */
  #resume(): GzipStep | undefined {
    const engine = this.#engine;
    const bits = this.#resumeBits;
    let value = 0;
    if (bits > 0) {
      const { memory, inputAddress, inputEnd } = engine;
      if (inputAddress === inputEnd) return 'need input';
      value = memory[inputAddress]! >> (BITS_PER_BYTE - bits);
      engine.skipInput(inputAddress + 1);
    }
    engine.startBlocks(value, bits);
    this.#state = 'deflate';
    return undefined;
  }

  #inflate(stopOffset: number, checkpointOffset: number): GzipStep | undefined {
    switch (this.#engine.run(stopOffset, checkpointOffset)) {
      case NEED_INPUT:
        return 'need input';
      case OUTPUT_FULL:
        return 'output';
      case BLOCK_START:
        return 'block';
      case STREAM_END:
        this.#state = 'trailer';
        return undefined;
      default:
        throw this.fault(describeFault(this.#engine.faultCode));
    }
  }

  #readTrailer(): GzipStep {
    const { memory, inputAddress, inputEnd } = this.#engine;
    if (inputEnd - inputAddress < TRAILER_SIZE) return 'need input';
    const trailer = new DataView(memory.buffer, inputAddress, TRAILER_SIZE);
    this.storedCrc = trailer.getUint32(0, true);
    this.storedSize = trailer.getUint32(4, true);
    this.#engine.skipInput(inputAddress + TRAILER_SIZE);
    this.members++;
    this.#state = 'between members';
    return 'member end';
  }

  #readPadding(): GzipStep | undefined {
    const { memory, inputAddress, inputEnd, closed } = this.#engine;
    let at = inputAddress;
    while (at < inputEnd && memory[at] === 0) at++;
    this.#engine.skipInput(at);
    if (at < inputEnd)
      throw this.fault(`got byte ${memory[at]} after the last member, want zeros or nothing`);
    if (!closed) return 'need input';
    this.#state = 'end';
    return undefined;
  }
}
