import { LayerslayerError } from '../../base/errors.js';
import { FRAME_MAGIC, type FrameHeader, isSkippable, readFrameHeader } from './frame-header.js';
import type { ZstdCheckpoint } from './zstd-checkpoint.js';
import { BLOCK_MAX, type BlockType, type ZstdEngine } from './zstd-engine.js';
import { describeFault } from './zstd-faults.js';

const MAGIC_SIZE = 4;
/** Of a skippable frame: the magic and Frame_Size (RFC 8878, 3.1.2). */
const SKIPPABLE_HEADER_SIZE = 8;
const BLOCK_HEADER_SIZE = 3;
const CHECKSUM_SIZE = 4;

/** Block_Type (RFC 8878, 3.1.1.2.2). */
const BLOCK_TYPES: readonly (BlockType | undefined)[] = ['raw', 'rle', 'compressed', undefined];

/**
 * Blocks in a row without output. Encoders write one at most, as the last block. The limit is for
 * hostile frames, of which a byte takes more time than of others.
 */
const MAX_EMPTY_BLOCKS = 65_536;

/** Why `step` stopped. */
type ZstdStep =
  | 'need input' // a whole block is decoded at once: up to 128 KiB are waited for
  | 'frame start' // at a frame, also a skippable one, of which nothing is read
  | 'block' // one was put out, of `blockLength` bytes; if `betweenBlocks`, another follows
  | 'end'; // of the blob

type State = 'between frames' | 'frame header' | 'skippable frame' | 'block' | 'checksum' | 'end';

/** The frame that is being decoded, or its rest after a checkpoint. */
interface Frame extends Pick<FrameHeader, 'window' | 'hasChecksum'> {
  contentEnd: number | undefined; // offset in the uncompressed blob at which it must end
}

/**
 * A zstd blob (RFC 8878) as a sequence of steps: any number of frames, also skippable and empty
 * ones. Anything else after a frame is an error, as it is for `zstd -d`.
 */
export class ZstdDecoder {
  blockLength = 0; // bytes that the last block put out
  readonly #engine: ZstdEngine;
  readonly #options: { stateRoom: number; isVerifying: boolean };
  #state: State = 'between frames';
  #frames = 0; // begun or resumed since `seek`
  #frame: Frame = { window: 0, hasChecksum: false, contentEnd: undefined };
  #isFrameWhole = false; // decoded from its start: its checksum can be verified
  #skip = 0; // bytes left of the skippable frame
  #emptyBlocks = 0;

  /**
   * @param options.stateRoom most window bytes of a checkpoint; 0: none is made
   * @param options.isVerifying verifies checksums
   */
  constructor(engine: ZstdEngine, options: { stateRoom: number; isVerifying: boolean }) {
    this.#engine = engine;
    this.#options = options;
  }

  /** Moves to a checkpoint. @throws LayerslayerError CORRUPT_LAYER if its state is damaged */
  seek(checkpoint: ZstdCheckpoint): void {
    const { inOffset, outOffset, frame } = checkpoint;
    this.#engine.reset(inOffset, outOffset);
    this.#state = 'between frames';
    this.#frames = 0;
    this.#emptyBlocks = 0;
    if (!frame) return;
    const { window, hasChecksum, tables, windowBytes } = frame;
    const fault = this.#engine.resumeFrame(window, tables, windowBytes);
    if (fault !== 0) throw this.fault(describeFault(fault));
    this.#frame = { window, hasChecksum, contentEnd: undefined };
    this.#isFrameWhole = false;
    this.#frames = 1;
    this.#state = 'block';
  }

  /** The engine stands before a block of the frame. */
  get betweenBlocks(): boolean {
    return this.#state === 'block';
  }

  get frame(): Readonly<Frame> {
    return this.#frame;
  }

  /**
   * Decodes to the next step.
   * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED: a window over 128 MiB, a dictionary
   */
  step(): ZstdStep {
    for (;;) {
      const step = this.#advance();
      if (step === 'need input' && this.#engine.closed) throw this.fault(`cut short (${this.#state})`);
      if (step !== undefined) return step;
    }
  }

  /** Returns an error that names the decoder's position. */
  fault(reason: string, code: 'CORRUPT_LAYER' | 'UNSUPPORTED' = 'CORRUPT_LAYER'): LayerslayerError {
    const { inOffset, outOffset } = this.#engine;
    return new LayerslayerError(
      code,
      `decoding zstd at compressed offset ${inOffset}, uncompressed offset ${outOffset}: ${reason}`,
    );
  }

  /** One state's work; undefined when it only led to another state. */
  #advance(): ZstdStep | undefined {
    switch (this.#state) {
      case 'between frames':
        return this.#betweenFrames();
      case 'frame header':
        return this.#readFrameHeader();
      case 'skippable frame':
        return this.#skipFrame();
      case 'block':
        return this.#decodeBlock();
      case 'checksum':
        return this.#readChecksum();
      case 'end':
        return 'end';
    }
  }

  #betweenFrames(): ZstdStep | undefined {
    const { inputLength, closed } = this.#engine;
    if (inputLength === 0 && closed && this.#frames > 0) {
      this.#state = 'end';
      return 'end';
    }
    if (inputLength < MAGIC_SIZE) return 'need input';
    this.#frames++;
    this.#state = 'frame header';
    return 'frame start';
  }

  #readFrameHeader(): ZstdStep | undefined {
    const engine = this.#engine;
    const magic = this.#uint32(0);
    if (isSkippable(magic)) {
      if (engine.inputLength < SKIPPABLE_HEADER_SIZE) return 'need input';
      this.#skip = this.#uint32(MAGIC_SIZE);
      engine.inputAddress += SKIPPABLE_HEADER_SIZE;
      this.#state = 'skippable frame';
      return undefined;
    }
    if (magic !== FRAME_MAGIC) {
      throw this.fault(`got 0x${magic.toString(16).padStart(8, '0')}, want the magic number of a frame`);
    }
    const header = readFrameHeader(engine.memory, engine.inputAddress, engine.inputEnd);
    if (!header) return 'need input';
    const { size, window, contentSize, hasChecksum, unsupported } = header;
    if (unsupported) throw this.fault(unsupported, 'UNSUPPORTED');
    engine.startFrame(window, Math.min(window, this.#options.stateRoom));
    engine.inputAddress += size;
    const contentEnd = contentSize === undefined ? undefined : engine.outOffset + contentSize;
    this.#frame = { window, hasChecksum, contentEnd };
    this.#isFrameWhole = true;
    this.#emptyBlocks = 0;
    this.#state = 'block';
    return undefined;
  }

  #skipFrame(): ZstdStep | undefined {
    const length = Math.min(this.#skip, this.#engine.inputLength);
    this.#engine.inputAddress += length;
    this.#skip -= length;
    if (this.#skip > 0) return 'need input';
    this.#state = 'between frames';
    return undefined;
  }

  #decodeBlock(): ZstdStep {
    const engine = this.#engine;
    if (engine.inputLength < BLOCK_HEADER_SIZE) return 'need input';
    const header = this.#uint32(0) & 0xffffff; // the input has slack
    const type = BLOCK_TYPES[(header >> 1) & 3];
    const size = header >> 3;
    if (!type) throw this.fault('got block type 3, want 0, 1 or 2');
    const blockMax = Math.min(this.#frame.window, BLOCK_MAX);
    if (size > blockMax) throw this.fault(`got a block of ${size} bytes, want at most ${blockMax}`);
    if (engine.inputLength < BLOCK_HEADER_SIZE + (type === 'rle' ? 1 : size)) return 'need input';
    engine.inputAddress += BLOCK_HEADER_SIZE;
    const length = engine.decodeBlock(type, size, blockMax);
    if (length < 0) throw this.fault(describeFault(-length));
    this.#endBlock(length, (header & 1) !== 0);
    return 'block';
  }

  #endBlock(length: number, isLast: boolean): void {
    const { outOffset } = this.#engine;
    const { hasChecksum, contentEnd } = this.#frame;
    if (hasChecksum && this.#options.isVerifying) this.#engine.hashOutput(length);
    this.blockLength = length;
    this.#emptyBlocks = length > 0 ? 0 : this.#emptyBlocks + 1;
    if (this.#emptyBlocks > MAX_EMPTY_BLOCKS)
      throw this.fault(`${MAX_EMPTY_BLOCKS} blocks in a row are empty`);
    if (contentEnd !== undefined && (isLast ? outOffset !== contentEnd : outOffset > contentEnd)) {
      throw this.fault(`the content is not as long as its frame header says, to offset ${contentEnd}`);
    }
    if (isLast) this.#state = hasChecksum ? 'checksum' : 'between frames';
  }

  #readChecksum(): ZstdStep | undefined {
    if (this.#engine.inputLength < CHECKSUM_SIZE) return 'need input';
    if (this.#options.isVerifying && this.#isFrameWhole) {
      const stored = this.#uint32(0);
      const { checksum } = this.#engine;
      if (stored !== checksum) {
        throw this.fault(`the content's checksum is ${hex(checksum)}, the frame says ${hex(stored)}`);
      }
    }
    this.#engine.inputAddress += CHECKSUM_SIZE;
    this.#state = 'between frames';
    return undefined;
  }

  /** Four input bytes, little-endian, `ahead` bytes after the next one. */
  #uint32(ahead: number): number {
    const { memory, inputAddress } = this.#engine;
    const at = inputAddress + ahead;
    return (memory[at]! | (memory[at + 1]! << 8) | (memory[at + 2]! << 16) | (memory[at + 3]! << 24)) >>> 0;
  }
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
