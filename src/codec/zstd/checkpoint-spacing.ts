/**
 * Where checkpoints are made. A window costs what the next span reads of it: in programs 35 KiB at
 * the median, in text 150, after some passages 2 MiB. So spans are as long as the budget wants.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Least output bytes between checkpoints: to decode them takes about 3 ms. */
const SHORTEST_SPAN = 2 * MIB;
/** Where the budget allows no checkpoint for so long, one is made all the same. */
const LONGEST_SPAN = 32 * MIB;
/** The same for the starts of frames, which cost nothing but a row of the index. */
const SHORTEST_FRAME_SPAN = 512 * KIB;

/** Budget of the states in the index: this share of the compressed bytes, and a first amount. */
const BUDGET_SHARE = 0.02;
const BUDGET_START = 64 * KIB;

/**
 * What deflate leaves of window bytes: 0.4 of text, 0.6 of programs (measured). It is assumed:
 * states are deflated elsewhere, later. So a blob always has the same checkpoints.
 */
const DEFLATED_SHARE = 0.55;
const FIRST_COST = 20_000; // bytes of a state, assumed before there was one
const RECENT = 1 / 4; // weight of the last cost in the mean

export class CheckpointSpacing {
  readonly #spanSize: number | undefined;
  #spent = 0; // bytes of all states, deflated
  #mean = FIRST_COST; // of late

  /** @param spanSize output bytes between checkpoints at least; undefined: as the budget allows */
  constructor(spanSize: number | undefined) {
    this.#spanSize = spanSize;
  }

  /** Whether a frame's start, `span` output bytes after the last checkpoint, becomes one. */
  isDueAtFrame(span: number): boolean {
    return span >= (this.#spanSize ?? SHORTEST_FRAME_SPAN);
  }

  /** The same between two blocks. @param inOffset compressed bytes so far */
  isDue(span: number, inOffset: number): boolean {
    if (this.#spanSize !== undefined) return span >= this.#spanSize;
    if (span < SHORTEST_SPAN) return false;
    return span >= LONGEST_SPAN || this.#spent + this.#mean <= BUDGET_SHARE * inOffset + BUDGET_START;
  }

  /** A checkpoint's state has `length` bytes. */
  spend(length: number): void {
    const cost = length * DEFLATED_SHARE;
    this.#spent += cost;
    this.#mean += (cost - this.#mean) * RECENT;
  }
}
