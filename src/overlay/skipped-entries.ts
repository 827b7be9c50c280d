import { quoteName } from '../base/quote-name.js';

/** Warnings of one layer that name their entry; the rest is counted: a log must not flood. */
const MAX_WARNINGS_PER_LAYER = 100;

/** Tells which entries of one layer are not shown, and why. */
export class SkippedEntries {
  #count = 0;

  constructor(
    private readonly layerNumber: number,
    private readonly onWarning: ((message: string) => void) | undefined,
  ) {}

  add(path: Uint8Array, reason: string): void {
    if (++this.#count > MAX_WARNINGS_PER_LAYER) return;
    this.onWarning?.(`layer ${this.layerNumber}: skipped ${quoteName(path)}: ${reason}`);
  }

  /** Says how many were left unnamed. */
  finish(): void {
    const unnamed = this.#count - MAX_WARNINGS_PER_LAYER;
    if (unnamed > 0) this.onWarning?.(`layer ${this.layerNumber}: skipped ${unnamed} more entries`);
  }
}
