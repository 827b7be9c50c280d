import { compareViews } from '../../image/compare/compare-views.js';
import type { ComparedView } from '../../image/compare/comparison.js';
import { changeOf, differenceRecord } from '../../image/records/difference-record.js';
import type { DiffQuestion } from './analysis-protocol.js';

/**
 * Yields the lines of `/diff`: paths by name, then the total.
 * @throws LayerslayerError as `compareViews`
 */
export async function* diffRecords(
  sides: { from: ComparedView; to: ComparedView },
  { path, times, content, doubt }: DiffQuestion,
): AsyncGenerator<object, void, undefined> {
  const comparison = await compareViews(sides.from, sides.to, { path, times });
  const names = { from: sides.from.name, to: sides.to.name };
  const total = { added: 0, removed: 0, changed: 0, errors: 0 };
  for (const difference of comparison.differences) {
    const change = changeOf(difference);
    total[change === 'error' ? 'errors' : change]++;
    const text = content ? await comparison.content(difference, names) : undefined;
    yield differenceRecord(difference, sides, doubt, text);
  }
  yield { total };
}
