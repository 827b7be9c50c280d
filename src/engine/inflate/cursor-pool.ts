import { Semaphore } from '../../base/semaphore.js';
import { PAGE_SIZE } from '../../blob/page.js';
import { GzipCursor } from '../../codec/gzip/gzip-cursor.js';
import { InflateEngine } from '../../codec/gzip/inflate-engine.js';

/** Live inflaters a thread keeps: enough for a few shells walking at once; each costs about 1 MiB. */
const KEPT_CURSORS = 6;
/** Inflaters at work at once. More than are kept: readers that wait for a dead network must not hold up the others. */
const MAX_BUSY_CURSORS = 32;

/** What a reader wants: its own cursor standing in `[from, to]` of the output, so that inflating on is the shortest way. */
interface Want {
  owner: object;
  from: number;
  to: number;
}

/** A cursor with the compressed bytes that it was last fed from: it takes less at a time than a page. */
export interface LiveCursor {
  readonly cursor: GzipCursor;
  readonly page: Uint8Array; // lent to whoever reads those bytes
  fed: { offset: number; bytes: Uint8Array } | undefined; // offset in the blob
}

/** A cursor that nobody uses, and who used it last. */
interface IdleCursor extends LiveCursor {
  readonly owner: object | undefined;
}

/**
 * The inflaters of one thread, shared by all its layers. A sequential reader finds its cursor where it left it and
 * inflates on; others take the one that nobody has used for longest and seek.
 */
export class CursorPool {
  /** Least recently used first. */
  readonly #idle: IdleCursor[] = [];
  readonly #free = new Semaphore(MAX_BUSY_CURSORS);
  #busy = 0;

  /** @param task gets a cursor of its own until it ends, and hears whether that stands where it was wanted */
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
      const live: LiveCursor = {
        cursor: taken?.cursor ?? new GzipCursor(new InflateEngine()),
        page: taken?.page ?? new Uint8Array(PAGE_SIZE),
        fed: standing?.fed,
      };
      this.#busy++;
      try {
        await task(live, standing !== undefined);
        if (this.#idle.length === KEPT_CURSORS) this.#idle.shift();
        this.#idle.push({ ...live, owner: want.owner });
      } catch (error) {
        // Where it stands is not known, and a read that was given up may still fill its page.
        const page = new Uint8Array(PAGE_SIZE);
        if (this.#idle.length < KEPT_CURSORS) {
          this.#idle.unshift({ cursor: live.cursor, page, fed: undefined, owner: undefined });
        }
        throw error;
      } finally {
        this.#busy--;
      }
    }, signal);
  }

  /** The cursor of this owner that stands nearest before `to`, if that is nearer than the checkpoint. */
  #standingIn({ owner, from, to }: Want): IdleCursor | undefined {
    let best: IdleCursor | undefined;
    for (const idle of this.#idle) {
      const at = idle.cursor.outOffset;
      if (idle.owner === owner && at >= from && at <= to && at >= (best?.cursor.outOffset ?? 0)) best = idle;
    }
    return best;
  }

  /** undefined: there is room for one more, or all are at work. */
  #leastRecentlyUsed(): IdleCursor | undefined {
    return this.#idle.length + this.#busy < KEPT_CURSORS ? undefined : this.#idle[0];
  }
}
