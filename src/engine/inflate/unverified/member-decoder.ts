import { setImmediate as nextTurn } from 'node:timers/promises';
import { LayerslayerError } from '../../../base/errors.js';
import { PAGE_SIZE } from '../../../blob/page.js';
import type { Codec, Cursor } from '../../../codec/codec.js';
import type { CursorPool, LiveCursor } from '../cursor-pool.js';
import { ChunkHash } from './chunk-hash.js';
import type { TableChunk } from './table-chunks.js';
import type { UnverifiedBlob } from './unverified-blob.js';
import { WrongBytes } from './wrong-bytes.js';

/**
 * Compressed bytes of one request at most: less than the longest of the fetch thread, so that a
 * block's border makes no second one.
 */
const LONGEST_INPUT = 31 * PAGE_SIZE;
/** And fewer than this are still to come when the next are requested. */
const NEXT_INPUT_AT = LONGEST_INPUT / 2;

/**
 * Uncompressed bytes between two turns of the event loop, about 5 ms: other readers are answered
 * in between, and aborts arrive.
 */
const BYTES_A_TURN = 2 * 1024 * 1024;

/** Members whose cursors may be at a position where a reader continues. */
const MAX_MEMBERS = 8;

/** Names the member in which a cursor is. */
interface Member {
  key: string;
}

/** Decodes chunks of one layer, each from the start of its gzip member or zstd frame. */
export class MemberDecoder {
  readonly #codec: Codec;
  readonly #blob: UnverifiedBlob;
  readonly #cursors: CursorPool;
  readonly #members: Member[] = []; // most recently used last

  /** @param cursors those of the thread; their buffers have PAGE_SIZE */
  constructor(codec: Codec, blob: UnverifiedBlob, cursors: CursorPool) {
    this.#codec = codec;
    this.#blob = blob;
    this.#cursors = cursors;
  }

  /**
   * Decodes a chunk; the caller checks its digest. A cursor that has decoded the chunk before in
   * the same member continues. Decoding stops at the chunk's end, however much the member holds.
   * @param lend returns the chunk's buffer. It is called when there is a cursor: readers by spans
   *   wait for memory with a cursor too, so that none waits for the other
   * @param inputEnd compressed bytes up to this are needed soon
   * @param fresh the compressed bytes were wrong: they are fetched again
   * @returns the hash of the decoded bytes
   * @throws WrongBytes; LayerslayerError as Blob.read
   */
  async decode(
    chunk: TableChunk,
    lend: () => Promise<Uint8Array>,
    { inputEnd, fresh, signal }: { inputEnd: number; fresh: boolean; signal: AbortSignal },
  ): Promise<ChunkHash> {
    const { inOffset, innerOffset, size } = chunk;
    const hash = new ChunkHash(size);
    const owner = fresh ? { key: '' } : this.#member(chunk); // no cursor is at a position in fresh bytes
    await this.#cursors.use(
      { owner, codec: this.#codec, from: 0, to: innerOffset },
      async (live, resumed) => {
        const { cursor } = live;
        const target = await lend();
        if (!resumed) cursor.seek({ inOffset, outOffset: 0, state: new Uint8Array(0) });
        const input = new MemberInput(this.#blob, chunk, { inputEnd, fresh, signal });
        await produce(live, input, undefined, innerOffset - cursor.outOffset);
        await produce(live, input, target, target.length, (bytes) => hash.update(bytes));
      },
      signal,
    );
    return hash;
  }

  /** The chunk was wrong: no cursor that has decoded its member continues. */
  forget(chunk: TableChunk): void {
    const key = keyOf(chunk);
    const at = this.#members.findIndex((member) => member.key === key);
    if (at !== -1) this.#members.splice(at, 1);
  }

  #member(chunk: TableChunk): Member {
    const key = keyOf(chunk);
    const at = this.#members.findIndex((member) => member.key === key);
    const member = at === -1 ? { key } : this.#members.splice(at, 1)[0]!;
    this.#members.push(member);
    if (this.#members.length > MAX_MEMBERS) this.#members.shift();
    return member;
  }
}

function keyOf({ inOffset, inEnd }: TableChunk): string {
  return `${inOffset}-${inEnd}`;
}

/** Decodes `length` bytes into `target`, or skips them if there is no target. */
async function produce(
  live: LiveCursor,
  input: MemberInput,
  target: Uint8Array | undefined,
  length: number,
  onBytes: (bytes: Uint8Array) => void = () => {},
): Promise<void> {
  let done = 0;
  let turn = 0; // bytes since the last turn
  while (done < length) {
    const wanted = Math.min(length - done, BYTES_A_TURN);
    const made = advance(live.cursor, target?.subarray(done, done + wanted), wanted);
    if (made > 0 && target) onBytes(target.subarray(done, done + made));
    done += made;
    turn += made;
    if (made === 0) await input.feed(live, length - done);
    if (turn < BYTES_A_TURN) continue;
    turn = 0;
    await nextTurn();
    input.signal.throwIfAborted();
  }
}

function advance(cursor: Cursor, target: Uint8Array | undefined, length: number): number {
  try {
    return target ? cursor.read(target) : cursor.skip(length);
  } catch (error) {
    if (!(error instanceof LayerslayerError)) throw error;
    throw new WrongBytes(error.message, error.code === 'UNSUPPORTED' ? 'UNSUPPORTED' : undefined);
  }
}

/** The compressed bytes of a member, page by page. Requests are longer than what is read. */
class MemberInput {
  readonly signal: AbortSignal;
  readonly #blob: UnverifiedBlob;
  readonly #end: number; // of the member
  readonly #inputEnd: number; // of what is needed soon, inside the member or behind it
  readonly #isFresh: boolean;
  #requestedEnd = 0;

  constructor(
    blob: UnverifiedBlob,
    { inEnd }: TableChunk,
    { inputEnd, fresh, signal }: { inputEnd: number; fresh: boolean; signal: AbortSignal },
  ) {
    this.#blob = blob;
    this.#end = inEnd;
    this.#inputEnd = inputEnd;
    this.#isFresh = fresh;
    this.signal = signal;
  }

  /**
   * Pushes the next bytes.
   * @param missing uncompressed bytes that are wanted still, for the message
   */
  async feed(live: LiveCursor, missing: number): Promise<void> {
    const { cursor } = live;
    const at = cursor.inputOffset;
    let { fed } = live;
    if (!fed || at < fed.offset || at >= fed.offset + fed.bytes.length) {
      if (cursor.ended || at >= this.#end) {
        throw new WrongBytes(`the compressed bytes end ${missing} bytes early`);
      }
      fed = { offset: at, bytes: await this.#read(at, live.page) };
      live.fed = fed;
    }
    cursor.push(fed.bytes.subarray(at - fed.offset), fed.offset + fed.bytes.length === this.#end);
  }

  #read(at: number, lent: Uint8Array): Promise<Uint8Array> {
    const needed = at < this.#inputEnd ? this.#inputEnd - at : PAGE_SIZE;
    const length = Math.min(PAGE_SIZE - (at % PAGE_SIZE), needed, this.#end - at);
    // Fresh bytes are requested once, in whole pages: reads before `#requestedEnd` wait for them.
    const fresh = this.#isFresh && at >= this.#requestedEnd;
    let aheadEnd: number | undefined;
    if (fresh) {
      aheadEnd = Math.min(this.#end, at - (at % PAGE_SIZE) + LONGEST_INPUT);
      this.#requestedEnd = aheadEnd;
    } else if (
      !this.#isFresh &&
      this.#requestedEnd < this.#inputEnd &&
      this.#requestedEnd - at < NEXT_INPUT_AT
    ) {
      aheadEnd = Math.min(this.#inputEnd, at + LONGEST_INPUT);
      this.#requestedEnd = aheadEnd;
    }
    return this.#blob.read(at, length, this.signal, lent, { aheadEnd, fresh });
  }
}
