import { PROCESS_KEY } from '../name-hash.js';

/** No item. */
const NONE = -1;

/** Odd multipliers that a layer's author does not know: a table can't be made to collide. */
const [FIRST, SECOND] = [PROCESS_KEY.low | 1, PROCESS_KEY.high | 1];

const MIN_BITS = 6;

/**
 * Finds numbered items by pairs of numbers, which the caller keeps. As many slots as items keep the
 * chains short. (multiply-shift hashing of vectors: Dietzfelbinger 1996)
 */
export class PairIndex {
  #bits = MIN_BITS;
  #slots = new Int32Array(2 ** MIN_BITS).fill(NONE); // last item of each
  #before = new Int32Array(2 ** MIN_BITS); // by item: the one before in its slot

  /** @returns the item of a pair; NONE (-1) if there is none. Columns are by item. */
  find(first: number, second: number, firsts: ArrayLike<number>, seconds: ArrayLike<number>): number {
    let item = this.#slots[this.#slotOf(first, second)]!;
    while (item !== NONE && (firsts[item] !== first || seconds[item] !== second)) item = this.#before[item]!;
    return item;
  }

  /** Adds the next item: items are numbered from 0. */
  add(item: number, firsts: ArrayLike<number>, seconds: ArrayLike<number>): void {
    if (item === this.#before.length) {
      this.#bits++;
      this.#slots = new Int32Array(2 ** this.#bits).fill(NONE);
      this.#before = new Int32Array(2 ** this.#bits);
      for (let known = 0; known < item; known++) this.#chain(known, firsts[known]!, seconds[known]!);
    }
    this.#chain(item, firsts[item]!, seconds[item]!);
  }

  #chain(item: number, first: number, second: number): void {
    const slot = this.#slotOf(first, second);
    this.#before[item] = this.#slots[slot]!;
    this.#slots[slot] = item;
  }

  #slotOf(first: number, second: number): number {
    return ((Math.imul(first, FIRST) + Math.imul(second, SECOND)) | 0) >>> (32 - this.#bits);
  }
}
