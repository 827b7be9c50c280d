import type { Output } from './output.js';

/** Warnings shown at most: a hostile layer has one for each of its million entries. */
const SHOWN_MAX = 10;

/**
 * Shows warnings at the end, equal ones once: each thread that opens a broken cache has its own. If
 * a mount fails, only its error is shown; the warnings are in the log.
 */
export class HeldWarnings {
  readonly #first: string[] = [];
  #count = 0;

  add(message: string): void {
    if (this.#first.includes(message)) return;
    if (this.#count++ < SHOWN_MAX) this.#first.push(message);
  }

  /** @param where all of them are, as `in /path/of.log` */
  show(output: Output, where: string): void {
    for (const message of this.#first) output.note(`warning: ${message}`);
    const more = this.#count - this.#first.length;
    if (more > 0) output.note(`warning: ${more} more ${where}`);
  }
}
