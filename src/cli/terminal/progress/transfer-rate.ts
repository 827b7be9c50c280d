/** The weight of a sample falls to a third in this time. */
const SMOOTHING_MS = 3_000;
/** Measured at least, before figures are shown: the first parts come in bursts. */
const FIRST_MS = 1_000;
/** Figures stay as they are for this long: digits that change ten times a second can't be read. */
const SHOWN_MS = 1_000;
/** More than this is no estimate. */
const LEFT_MAX_MS = 99 * 3_600_000;

/** What is shown of a transfer. */
export interface TransferFigures {
  bytesPerSecond: number;
  msLeft?: number; // unknown if it has stalled
}

/** Speed of a transfer: the average of the last seconds, recent ones first. */
export class TransferRate {
  /** Undefined until there is something to show. */
  shown: TransferFigures | undefined;
  #bytes = 0; // of the last sample
  #ms: number | undefined; // its time; undefined before the first bytes
  #sum = 0; // of bytes per ms, by weight
  #weight = 0;
  #measuredMs = 0;
  #shownMs = 0;

  /**
   * Adds a sample.
   * @param doneBytes of `totalBytes`, at `nowMs`; fewer than before if the transfer was repeated
   */
  add(doneBytes: number, totalBytes: number, nowMs: number): void {
    if (this.#ms === undefined || doneBytes < this.#bytes) {
      this.#begin(doneBytes, nowMs);
      return;
    }
    const elapsed = nowMs - this.#ms;
    if (elapsed <= 0) return;
    const decay = Math.exp(-elapsed / SMOOTHING_MS);
    const speed = (doneBytes - this.#bytes) / elapsed;
    this.#sum = this.#sum * decay + speed * (1 - decay);
    this.#weight = this.#weight * decay + (1 - decay);
    this.#bytes = doneBytes;
    this.#ms = nowMs;
    this.#measuredMs += elapsed;
    if (this.#measuredMs < FIRST_MS || (this.shown && nowMs - this.#shownMs < SHOWN_MS)) return;
    const average = this.#sum / this.#weight;
    const msLeft = (totalBytes - doneBytes) / average;
    this.shown = { bytesPerSecond: average * 1000, ...(msLeft <= LEFT_MAX_MS && { msLeft }) };
    this.#shownMs = nowMs;
  }

  /** What was there at the first sample with bytes was not transferred now: a partial file. */
  #begin(doneBytes: number, nowMs: number): void {
    this.shown = undefined;
    this.#bytes = doneBytes;
    this.#ms = doneBytes > 0 ? nowMs : undefined;
    this.#sum = 0;
    this.#weight = 0;
    this.#measuredMs = 0;
  }
}
