import type { LayerslayerError } from '../../../base/errors.js';
import { changeOf } from '../../../image/records/difference-record.js';
import type { TreeDifference } from '../../../overlay/compare/compare-trees.js';
import { countText } from '../../terminal/wording/size.js';

/** Counts the differences of one comparison. */
export class Totals {
  readonly #counts = { added: 0, removed: 0, changed: 0, error: 0 };

  /** @param fail called for each file that could not be compared */
  constructor(private readonly fail: (error: LayerslayerError, difference: TreeDifference) => void) {}

  /** Yields the differences, and counts them. */
  *counted(differences: Iterable<TreeDifference>): Generator<TreeDifference, void, undefined> {
    for (const difference of differences) {
      this.#counts[changeOf(difference)]++;
      if (difference.error) this.fail(difference.error, difference);
      yield difference;
    }
  }

  get count(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  /** `12 added, 3 removed, 40 changed` */
  text(): string {
    const { added, removed, changed, error } = this.#counts;
    const parts = [`${added} added`, `${removed} removed`, `${changed} changed`];
    if (error > 0) parts.push(`${countText(error, 'file')} could not be compared`);
    return parts.join(', ');
  }
}
