import { createHash } from 'node:crypto';
import { crc32, deflateRaw, deflateRawSync } from 'node:zlib';
import type { Checkpoint, Codec } from '../../codec/codec.js';
import { tooLong } from '../growing.js';
import { type CheckpointColumns, USUAL_GROUP_SIZE } from '../states/checkpoints.js';
import type { TableBudget } from './table-budget.js';

/** Level 6 leaves 6 % less and takes twice as long (measured). */
const OPTIONS = { level: 1 };

/**
 * Longest group that is not compressed, in bytes. Incompressible layers have states of a byte or
 * two: to start a deflater for each group takes 15 % of the CPU of their pass (measured).
 */
const SHORT_GROUP = 64;

/** Groups in libuv's pool at once, and their bytes. If it lags, this thread deflates too. */
const MOST_UNDER_WAY = 8;
const MOST_BYTES_UNDER_WAY = 8 * 1024 * 1024;

/**
 * Collects checkpoints during the index pass: columns, and states in groups. libuv's pool deflates
 * the groups meanwhile: here it would take 7 % of the time of a pass over text (measured).
 */
export class CheckpointBuilder {
  readonly #inOffsets: number[] = [];
  readonly #outOffsets: number[] = [];
  readonly #stateStarts: number[] = [0];
  readonly #stateCrcs: number[] = [];
  #group: Uint8Array[] = []; // states of the group that is not full yet
  readonly #groups: (Uint8Array | Promise<Uint8Array>)[] = [];
  readonly #limit: number;
  readonly #budget: TableBudget | undefined;
  readonly #groupSize: number;
  #underWay = 0;
  #bytesUnderWay = 0;
  #size = 0; // bytes of the groups deflated by now
  #spent = 0; // bytes of size that the budget includes

  /**
   * @param stateBytes limit of all states, deflated
   */
  constructor(codec: Pick<Codec, 'statesPerGroup'>, stateBytes: number, budget?: TableBudget) {
    this.#groupSize = codec.statesPerGroup ?? USUAL_GROUP_SIZE;
    this.#limit = stateBytes;
    this.#budget = budget;
  }

  /** @throws LayerslayerError UNSUPPORTED when the states deflated by now are past the limit */
  add({ inOffset, outOffset, state }: Checkpoint): void {
    this.#inOffsets.push(inOffset);
    this.#outOffsets.push(outOffset);
    this.#stateStarts.push(this.#stateStarts.at(-1)! + state.length);
    this.#stateCrcs.push(crc32(state));
    this.#group.push(state);
    if (this.#group.length === this.#groupSize) this.#endGroup();
  }

  /** @throws LayerslayerError UNSUPPORTED past the limit */
  async finish(): Promise<{ checkpoints: CheckpointColumns; states: Uint8Array }> {
    if (this.#group.length > 0) this.#endGroup();
    const groups = await Promise.all(this.#groups);
    this.#checkSize();
    const groupStarts = new Float64Array(groups.length + 1);
    for (const [i, { length }] of groups.entries()) groupStarts[i + 1] = groupStarts[i]! + length;
    return {
      checkpoints: {
        length: this.#inOffsets.length,
        inOffsets: Float64Array.from(this.#inOffsets),
        outOffsets: Float64Array.from(this.#outOffsets),
        stateStarts: Float64Array.from(this.#stateStarts),
        groupSize: this.#groupSize,
        groupStarts,
        stateCrcs: Uint32Array.from(this.#stateCrcs),
        groupDigests: digestsOf(groups),
      },
      states: Buffer.concat(groups),
    };
  }

  #endGroup(): void {
    const group = Buffer.concat(this.#group);
    this.#group = [];
    this.#checkSize();
    this.#budget?.spend(this.#size - this.#spent);
    this.#spent = this.#size;
    if (group.length === 0) this.#groups.push(group);
    else if (group.length <= SHORT_GROUP) this.#groups.push(this.#counted(stored(group)));
    else if (this.#hasRoom(group.length)) this.#groups.push(this.#deflated(group));
    else this.#groups.push(this.#counted(deflateRawSync(group, OPTIONS)));
  }

  #hasRoom(length: number): boolean {
    if (this.#underWay === 0) return true;
    return this.#underWay < MOST_UNDER_WAY && this.#bytesUnderWay + length <= MOST_BYTES_UNDER_WAY;
  }

  #deflated(group: Uint8Array): Promise<Uint8Array> {
    this.#underWay++;
    this.#bytesUnderWay += group.length;
    const deflated = new Promise<Uint8Array>((resolve, reject) => {
      deflateRaw(group, OPTIONS, (error, bytes) => {
        this.#underWay--;
        this.#bytesUnderWay -= group.length;
        if (error) reject(error);
        else resolve(this.#counted(bytes));
      });
    });
    deflated.catch(() => {}); // `finish` throws it; an aborted pass does not call `finish`
    return deflated;
  }

  #counted(deflated: Uint8Array): Uint8Array {
    this.#size += deflated.length;
    return deflated;
  }

  #checkSize(): void {
    if (this.#size > this.#limit) throw tooLong("checkpoints' states", this.#limit);
  }
}

function digestsOf(groups: readonly Uint8Array[]): Uint8Array {
  const digests = groups.map((group) => createHash('sha256').update(group).digest());
  return new Uint8Array(Buffer.concat(digests));
}

/** Returns a deflate stream of one stored block. (RFC 1951, 3.2.4) */
function stored(bytes: Uint8Array): Uint8Array {
  const block = Buffer.alloc(STORED_HEADER + bytes.length);
  block[0] = 1; // the last block, of type 00
  block.writeUInt16LE(bytes.length, 1);
  block.writeUInt16LE(bytes.length ^ 0xffff, 3);
  block.set(bytes, STORED_HEADER);
  return block;
}

/** Bytes before the data of a stored block that begins at a byte. */
const STORED_HEADER = 5;
