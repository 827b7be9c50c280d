import type { LayerslayerError } from '../../base/errors.js';
import type { ContentAnswer } from '../../overlay/compare/compare-trees.js';

/** Errors that are kept. A hostile layer has one for each of its million files. */
const ERRORS_MAX = 1000;

const FIRST_ROOM = 1024;

/** Values of the column of answers; larger ones are numbers of errors. */
const EQUAL = 0;
const DIFFERENT = 1;
const FIRST_ERROR = 2;

/** Pairs of files of the same size, and whether their bytes are equal: 10 bytes a pair. */
export class ContentPairs {
  #length = 0;
  #from = new Uint32Array(FIRST_ROOM); // inodes of the first tree
  #to = new Uint32Array(FIRST_ROOM); // inodes of the second tree
  #answers = new Uint16Array(FIRST_ROOM);
  readonly #errors: LayerslayerError[] = [];

  get length(): number {
    return this.#length;
  }

  add(from: number, to: number): void {
    if (this.#length === this.#from.length) this.#grow();
    this.#from[this.#length] = from;
    this.#to[this.#length++] = to;
  }

  from(pair: number): number {
    return this.#from[pair]!;
  }

  to(pair: number): number {
    return this.#to[pair]!;
  }

  /** Returns all pairs in the order of the first tree's data: its inodes ascend in it. */
  inDataOrder(): Uint32Array {
    const order = Uint32Array.from({ length: this.#length }, (_, pair) => pair);
    return order.sort((x, y) => this.from(x) - this.from(y) || this.to(x) - this.to(y));
  }

  setAnswer(pair: number, answer: ContentAnswer): void {
    if (typeof answer === 'string') {
      this.#answers[pair] = answer === 'equal' ? EQUAL : DIFFERENT;
      return;
    }
    const known = this.#errors.at(-1) === answer || this.#errors.length === ERRORS_MAX;
    if (!known) this.#errors.push(answer);
    this.#answers[pair] = FIRST_ERROR + this.#errors.length - 1;
  }

  /** @returns `equal` for a pair whose answer was not set */
  answer(pair: number): ContentAnswer {
    const answer = this.#answers[pair]!;
    if (answer === EQUAL) return 'equal';
    return answer === DIFFERENT ? 'different' : this.#errors[answer - FIRST_ERROR]!;
  }

  #grow(): void {
    const room = this.#from.length * 2;
    const grown = <T extends Uint16Array | Uint32Array>(column: T, larger: T) => {
      larger.set(column);
      return larger;
    };
    this.#from = grown(this.#from, new Uint32Array(room));
    this.#to = grown(this.#to, new Uint32Array(room));
    this.#answers = grown(this.#answers, new Uint16Array(room));
  }
}
