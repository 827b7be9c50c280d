import { deflateRaw, deflateRawSync } from 'node:zlib';
import { ByteHeap, tooLong } from './byte-heap.js';
import type { TableBudget } from './table-budget.js';

/** Level 6 leaves 6 % less and takes twice as long (measured). */
const OPTIONS = { level: 1 };

const WHAT = "checkpoints' states";

/**
 * Groups in libuv's pool at once, each of about 25 KiB: if the pool lags, this thread deflates too.
 */
const MOST_UNDER_WAY = 8;

/**
 * Groups of checkpoints' states, deflated by libuv's pool while the index pass goes on. In the
 * inflating thread it would take 7 % of the time of a pass over text (measured).
 */
export class StateGroups {
  readonly #limit: number;
  readonly #groups: (Uint8Array | Promise<Uint8Array>)[] = [];
  #underWay = 0;
  #size = 0;
  readonly #budget: TableBudget | undefined;
  #spent = 0; // bytes of size that the budget includes

  /** @param limit bytes of all groups, deflated */
  constructor(limit: number, budget?: TableBudget) {
    this.#limit = limit;
    this.#budget = budget;
  }

  /**
   * @param group is owned by this class from now on
   * @throws LayerslayerError UNSUPPORTED when those deflated by now are past the limit
   */
  add(group: Uint8Array): void {
    if (this.#size > this.#limit) throw tooLong(WHAT, this.#limit);
    this.#budget?.spend(this.#size - this.#spent);
    this.#spent = this.#size;
    if (group.length === 0) {
      this.#groups.push(group);
    } else if (this.#underWay < MOST_UNDER_WAY) {
      this.#groups.push(this.#deflate(group));
    } else {
      this.#groups.push(this.#sized(deflateRawSync(group, OPTIONS)));
    }
  }

  /**
   * @returns all groups end to end, and where each starts and the last one ends
   * @throws LayerslayerError UNSUPPORTED past the limit
   */
  async finish(): Promise<{ bytes: Uint8Array; starts: Float64Array }> {
    const groups = await Promise.all(this.#groups);
    const heap = new ByteHeap(WHAT, this.#limit);
    const starts = new Float64Array(groups.length + 1);
    for (const [i, group] of groups.entries()) starts[i + 1] = heap.append(group);
    return { bytes: heap.finish(), starts };
  }

  #deflate(group: Uint8Array): Promise<Uint8Array> {
    this.#underWay++;
    const deflated = new Promise<Uint8Array>((resolve, reject) => {
      deflateRaw(group, OPTIONS, (error, bytes) => {
        this.#underWay--;
        if (error) reject(error);
        else resolve(this.#sized(bytes));
      });
    });
    deflated.catch(() => {}); // told by finish, which an aborted pass never calls
    return deflated;
  }

  #sized(deflated: Uint8Array): Uint8Array {
    this.#size += deflated.length;
    return deflated;
  }
}
