import { Semaphore } from '../base/semaphore.js';
import { PAGE_SIZE } from '../blob/page.js';
import { GzipCursor } from '../gzip/gzip-cursor.js';
import { InflateEngine } from '../gzip/inflate-engine.js';

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
  fed: { offset: number; bytes: Uint8Array } | undefined; // offset in the blob
  readonly page: Uint8Array; // lent to whoever reads those bytes
}

interface Slot extends LiveCursor {
  owner: object | undefined;
  busy: boolean;
}

/**
 * The inflaters of one thread, shared by all its layers. A sequential reader finds its cursor where it left it and
 * inflates on; others take the one that nobody has used for longest and seek. A cursor whose use failed is
 * forgotten: where it stands is not known.
 */
export class CursorPool {
  /** Least recently used first. */
  readonly #slots: Slot[] = [];
  readonly #free = new Semaphore(MAX_BUSY_CURSORS);

  async use(
    want: Want,
    task: (live: LiveCursor, resumed: boolean) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#free.run(async () => {
      const standing = this.#standingIn(want);
      const slot = standing ?? this.#leastRecentlyUsed();
      slot.busy = true;
      slot.owner = undefined;
      try {
        if (!standing) slot.fed = undefined;
        await task(slot, standing !== undefined);
        slot.owner = want.owner;
      } finally {
        slot.busy = false;
        this.#slots.splice(this.#slots.indexOf(slot), 1);
        if (this.#slots.length < KEPT_CURSORS) this.#slots.push(slot);
      }
    }, signal);
  }

  /** The idle cursor of this owner that stands nearest before `to`, if that is nearer than the checkpoint. */
  #standingIn({ owner, from, to }: Want): Slot | undefined {
    let best: Slot | undefined;
    for (const slot of this.#slots) {
      if (slot.busy || slot.owner !== owner) continue;
      const at = slot.cursor.outOffset;
      if (at >= from && at <= to && at >= (best?.cursor.outOffset ?? 0)) best = slot;
    }
    return best;
  }

  #leastRecentlyUsed(): Slot {
    const idle = this.#slots.length < KEPT_CURSORS ? undefined : this.#slots.find(({ busy }) => !busy);
    if (idle) return idle;
    const slot: Slot = {
      cursor: new GzipCursor(new InflateEngine()),
      fed: undefined,
      page: new Uint8Array(PAGE_SIZE),
      owner: undefined,
      busy: false,
    };
    this.#slots.push(slot);
    return slot;
  }
}
