import type { BufferPool } from '../../base/buffer-pool.js';
import { garbageMade } from '../../base/process/garbage.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import type { Codec, Cursor } from '../../codec/codec.js';

/** Idle cursors of a thread: enough for a few shells at once; one of gzip costs about 1 MiB. */
const MAX_IDLE_CURSORS = 6;
/** Of a codec with large cursors: one of zstd costs about 12 MiB. */
const MAX_IDLE_LARGE = 2;
/** Cursors in use at once: readers that wait for a dead network must not block the others. */
const MAX_BUSY_CURSORS = 32;
const MAX_BUSY_LARGE = 8;
/**
 * A cursor with more memory is alone of its kind, idle or in use: zstd's windows may have 128 MiB.
 * Only a layer's first reads may have more of them, before its windows are known.
 */
const HUGE_CURSOR = 24 * 1024 * 1024;

/** A reader's wish: its own cursor at `[from, to]` of the output. Else it seeks to `from`. */
interface Want {
  owner: object;
  codec: Codec;
  from: number;
  to: number;
}

/** A cursor with the compressed bytes that it was last fed from. It takes a part at a time. */
export interface LiveCursor {
  readonly codec: Codec;
  readonly cursor: Cursor;
  readonly page: Uint8Array<ArrayBuffer>; // lent to the reader of those bytes
  fed: { offset: number; bytes: Uint8Array } | undefined; // offset in the blob
}

interface IdleCursor extends LiveCursor {
  readonly owner: object | undefined; // its last user
}

/**
 * The cursors of one thread, shared by all its layers. A sequential reader finds its cursor where
 * it stopped and decodes on. Others take the least recently used one and seek.
 */
export class CursorPool {
  /** Least recently used first. */
  readonly #idle: IdleCursor[] = [];
  readonly #free = new Semaphore(MAX_BUSY_CURSORS);
  readonly #freeLarge = new Semaphore(MAX_BUSY_LARGE);
  readonly #freeHuge = new Semaphore(1);
  /** Owners whose cursors were huge. */
  readonly #hugeOwners = new WeakSet<object>();
  /** The thread's buffers: pages of its cursors, and runs on their way. */
  readonly buffers: BufferPool;
  /** An idle cursor may be huge: in one thread of the process. */
  keepsHuge = true;
  #busy = 0;
  #busyLarge = 0;

  constructor(buffers: BufferPool) {
    this.buffers = buffers;
  }

  /** @param task uses the cursor until it ends; `resumed`: it is at the wanted position */
  async use(
    want: Want,
    task: (live: LiveCursor, resumed: boolean) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { codec } = want;
    await this.#freeFor(want).run(async () => {
      // atomic: no await until the cursor has left the idle ones
      const standing = this.#standingIn(want);
      const taken = standing ?? this.#leastRecentlyUsed(want);
      if (taken) this.#idle.splice(this.#idle.indexOf(taken), 1);
      const live: LiveCursor = {
        codec,
        cursor: taken?.codec === codec ? taken.cursor : codec.cursor(),
        page: taken?.page ?? this.buffers.take(),
        fed: standing?.fed,
      };
      this.#busy++;
      if (codec.hasLargeCursors) this.#busyLarge++;
      try {
        await task(live, standing !== undefined);
        this.#idle.push({ ...live, owner: want.owner });
        this.#dropIdle();
      } catch (error) {
        // Its position is unknown, and an aborted read may still fill its page.
        if (this.#idle.length < MAX_IDLE_CURSORS) {
          const page = this.buffers.take();
          this.#idle.unshift({ codec, cursor: live.cursor, page, fed: undefined, owner: undefined });
          this.#dropIdle();
        }
        throw error;
      } finally {
        this.#busy--;
        if (codec.hasLargeCursors) this.#busyLarge--;
        if (isHugeCursor(live)) this.#hugeOwners.add(want.owner);
      }
    }, signal);
  }

  /** The owner's cursors were huge. */
  isHuge(owner: object): boolean {
    return this.#hugeOwners.has(owner);
  }

  /** Returns the owner's cursor that is nearest to `to`, if it is in `[from, to]`. */
  #standingIn({ owner, from, to }: Want): IdleCursor | undefined {
    let best: IdleCursor | undefined;
    for (const idle of this.#idle) {
      const at = idle.cursor.outOffset;
      if (idle.owner === owner && at >= from && at <= to && at >= (best?.cursor.outOffset ?? 0)) best = idle;
    }
    return best;
  }

  #freeFor({ owner, codec }: Want): Semaphore {
    if (!codec.hasLargeCursors) return this.#free;
    return this.isHuge(owner) ? this.#freeHuge : this.#freeLarge;
  }

  /** Returns undefined if there is room for one more, or if all are busy. */
  #leastRecentlyUsed({ owner, codec }: Want): IdleCursor | undefined {
    if (codec.hasLargeCursors) {
      const huge = this.isHuge(owner) && this.#idle.find(isHugeCursor);
      if (huge) return huge;
      const large = this.#idle.filter((idle) => idle.codec.hasLargeCursors);
      if (large.length + this.#busyLarge >= MAX_IDLE_LARGE && large.length > 0) return large[0];
    }
    return this.#idle.length + this.#busy < MAX_IDLE_CURSORS ? undefined : this.#idle[0];
  }

  /** Drops idle cursors that are too many now that the last one has come. */
  #dropIdle(): void {
    const large = this.#idle.filter((idle) => idle.codec.hasLargeCursors);
    if (large.length > MAX_IDLE_LARGE) this.#drop(large.shift()!);
    const huge = large.filter(isHugeCursor);
    if (huge.length > (this.keepsHuge ? 1 : 0)) this.#drop(huge[0]!);
    if (this.#idle.length > MAX_IDLE_CURSORS) this.#drop(this.#idle[0]!);
  }

  #drop(idle: IdleCursor): void {
    this.#idle.splice(this.#idle.indexOf(idle), 1);
    this.buffers.release(idle.page.buffer);
    const { memorySize } = idle.cursor;
    if (idle.codec.hasLargeCursors) setImmediate(() => garbageMade(memorySize)); // the caller still references it
  }
}

function isHugeCursor({ cursor }: LiveCursor): boolean {
  return cursor.memorySize > HUGE_CURSOR;
}
