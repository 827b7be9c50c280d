import type { LayerslayerError } from '../../base/errors.js';
import { askedPaths } from '../../image/paths/asked-path.js';
import { DeletionHints } from '../../image/paths/deletion-hint.js';
import type { SearchedView } from '../../image/paths/find-paths.js';
import { nameFields } from '../../image/records/entry-record.js';
import { directoryUsage } from '../../image/usage/directory-usage.js';
import { hiddenReport } from '../../image/usage/hidden-usage.js';
import { joinPath } from '../../overlay/resolve-path.js';
import type { UsageQuestion } from './analysis-protocol.js';

/**
 * Yields the lines of `/du`: the sums, then the total.
 * @throws LayerslayerError as `directoryUsage`, `hiddenReport`
 */
export function* usageRecords(
  view: SearchedView,
  question: UsageQuestion,
): Generator<object, void, undefined> {
  const { path, depth, files, order, hidden, byLayer, layer, steps, where, doubt } = question;
  const asked = askedPaths([path])[0]!;
  const report = hidden
    ? hiddenReport(view, steps, asked, { depth, files, layer })
    : directoryUsage(view, [asked], { depth, files, byLayer, hints: new DeletionHints(), where, failed });
  for (const row of report.rows(order)) {
    const { names, isAsked: _, ...sums } = { isAsked: false, ...row };
    yield { ...nameFields('path', joinPath(names)), ...withoutUndefined(sums), ...doubt };
  }
  const { bytes, entries, layerBytes } = report;
  const percent = layerBytes === 0 ? 0 : (bytes / layerBytes) * 100;
  yield { total: { bytes, entries, layerBytes, percent }, ...doubt };
}

/** The one PATH of a question. */
function failed(error: LayerslayerError): never {
  throw error;
}

function withoutUndefined(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
