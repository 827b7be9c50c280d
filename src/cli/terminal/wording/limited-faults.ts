import { asLayerslayerError } from '../../../base/errors.js';
import type { SessionUse } from '../../image-session-command.js';
import { EXIT_STATUS } from '../../process/exit-status.js';
import type { Output } from '../output/output.js';
import { RepeatedFaults } from './repeated-faults.js';

/**
 * Reports the faults of many files: for people the first ones of each kind and the number of the
 * others; for programs, and with `--verbose`, all.
 */
export class LimitedFaults {
  readonly #faults = new RepeatedFaults();

  constructor(
    private readonly use: Pick<SessionUse, 'fail' | 'display'>,
    private readonly output: Pick<Output, 'choices'>,
  ) {}

  /** @returns the exit status of the fault */
  fail(error: unknown): number {
    const known = asLayerslayerError(error);
    const { json, verbose } = this.output.choices;
    if (json || verbose || this.#faults.takes(known)) return this.use.fail(known);
    return EXIT_STATUS[known.code];
  }

  /** Shows the numbers of those that were not shown. */
  end(): void {
    for (const line of this.#faults.rest()) this.use.display.warn(line);
  }
}
