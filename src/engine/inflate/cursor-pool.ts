import type { BufferPool } from '../../base/buffer-pool.js';
import { Semaphore } from '../../base/semaphore.js';
import type { Codec, Cursor } from '../../codec/codec.js';

/** Idle cursors of a thread: enough for a few shells at once; one of gzip costs about 1 MiB. */
const MAX_IDLE_CURSORS = 6;
/** Cursors in use at once: readers that wait for a dead network must not block the others. */
const MAX_BUSY_CURSORS = 32;

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
  /** The thread's buffers: pages of its cursors, and runs on their way. */
  readonly buffers: BufferPool;
  #busy = 0;

  constructor(buffers: BufferPool) {
    this.buffers = buffers;
  }

  /** @param task uses the cursor until it ends; `resumed`: it is at the wanted position */
  async use(
    want: Want,
    task: (live: LiveCursor, resumed: boolean) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#free.run(async () => {
      // atomic: no await until the cursor has left the idle ones
      const standing = this.#standingIn(want);
      const taken = standing ?? this.#leastRecentlyUsed();
      if (taken) this.#idle.splice(this.#idle.indexOf(taken), 1);
      const { codec } = want;
      const live: LiveCursor = {
        codec,
        cursor: taken?.codec === codec ? taken.cursor : codec.cursor(),
        page: taken?.page ?? this.buffers.take(),
        fed: standing?.fed,
      };
      this.#busy++;
      try {
        await task(live, standing !== undefined);
        if (this.#idle.length === MAX_IDLE_CURSORS) this.buffers.release(this.#idle.shift()!.page.buffer);
        this.#idle.push({ ...live, owner: want.owner });
      } catch (error) {
        // Its position is unknown, and an aborted read may still fill its page.
        if (this.#idle.length < MAX_IDLE_CURSORS) {
          const page = this.buffers.take();
          this.#idle.unshift({ codec, cursor: live.cursor, page, fed: undefined, owner: undefined });
        }
        throw error;
      } finally {
        this.#busy--;
      }
    }, signal);
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

  /** Returns undefined if there is room for one more, or if all are busy. */
  #leastRecentlyUsed(): IdleCursor | undefined {
    return this.#idle.length + this.#busy < MAX_IDLE_CURSORS ? undefined : this.#idle[0];
  }
}
