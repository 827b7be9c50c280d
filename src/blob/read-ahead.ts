/** First read-ahead of a sequence, in pages (512 KiB); each further one is twice as long. */
const FIRST_LENGTH = 2;
/** Longest read-ahead, in pages (8 MiB): one request's latency of 0.1 s is then hidden up to 80 MB/s. */
const LONGEST = 32;
/** Sequences followed at once in one blob: a few `cp` or `diff` side by side. */
const SEQUENCES = 4;

/** Readers that go through a blob page after page. */
interface Sequence {
  last: number; // page that was read last
  length: number; // pages of the last read-ahead; 0: none yet
  until: number; // first page that no read-ahead has asked for
}

/**
 * Decides what to fetch before it is asked for. A read that goes on where an earlier one ended makes a sequence; from its
 * second read on, pages are asked for ahead of it, whenever less than half of the last read-ahead is left, so that the
 * network never falls idle. Reads elsewhere fetch nothing more than they ask for.
 */
export class ReadAhead {
  readonly #pages: number;
  readonly #sequences: Sequence[] = []; // used last comes last

  /** @param pages how many the blob has */
  constructor(pages: number) {
    this.#pages = pages;
  }

  /**
   * Notes a read of the pages `first` to `last`, both read.
   * @returns the pages `[first, end)` to fetch now, if any
   */
  note(first: number, last: number): { first: number; end: number } | undefined {
    const at = this.#sequences.findIndex((one) => first === one.last || first === one.last + 1);
    const sequence = at < 0 ? { last, length: 0, until: 0 } : this.#sequences.splice(at, 1)[0]!;
    this.#sequences.push(sequence);
    if (this.#sequences.length > SEQUENCES) this.#sequences.shift();
    // Once more in the same page is not going on: small files lie side by side in one page.
    if (at < 0 || last === sequence.last) return undefined;

    sequence.last = last;
    const ahead = sequence.until - (last + 1);
    if (ahead > sequence.length / 2) return undefined;
    sequence.length = Math.min(Math.max(sequence.length * 2, FIRST_LENGTH), LONGEST);
    const start = Math.max(sequence.until, last + 1);
    const end = Math.min(start + sequence.length, this.#pages);
    sequence.until = end;
    return start < end ? { first: start, end } : undefined;
  }
}
