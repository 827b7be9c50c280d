import { printableJson } from '../../../base/text/printable.js';
import { printableName } from '../../../base/text/printable-name.js';
import { nameFields } from '../../../image/records/entry-record.js';
import type { DirectoryUsage, DirectoryUsageReport } from '../../../image/usage/directory-usage.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import { formatSize } from '../../terminal/wording/size.js';

/** How du prints its rows. */
export interface DuForm {
  isExact: boolean; // bytes, and tabs as GNU du has them
  order: 'name' | 'size';
}

/** Room for `1023.9 MiB`. */
const SIZE_WIDTH = 10;
const LAYER_HEADING = 'LAYER';

/** `  1.2 MiB  /usr`, exact `1258291<TAB>/usr`; by layer the layer's number stands between. */
export function* sizeLines(
  report: DirectoryUsageReport,
  { isExact, order }: DuForm,
  byLayer: boolean,
): Generator<string, void, undefined> {
  const line = (bytes: number, layer: string | undefined, name: string) => {
    const layers = layer === undefined ? [] : [layer];
    if (isExact) return [bytes, ...layers, name].join('\t');
    const columns = layers.map((text) => text.padStart(LAYER_HEADING.length));
    return [formatSize(bytes).padStart(SIZE_WIDTH), ...columns, name].join('  ');
  };
  if (byLayer && !isExact) yield `${'SIZE'.padStart(SIZE_WIDTH)}  ${LAYER_HEADING}  PATH`;
  let asked = 0;
  for (const { bytes, layer, names, isAsked } of report.rows(order)) {
    if (isAsked) asked++;
    yield line(bytes, layer?.toString(), printableName(joinPath(names)));
  }
  if (asked > 1) yield line(report.bytes, byLayer ? '-' : undefined, 'total');
}

/** @param doubt `verified: false` if an index was not compared with its layer */
export function* sizeRecords(
  report: DirectoryUsageReport,
  order: 'name' | 'size',
  doubt: object,
): Generator<string, void, undefined> {
  for (const row of report.rows(order)) yield printableJson(sizeRecord(row, doubt));
}

function sizeRecord({ names, layer, bytes, entries }: DirectoryUsage, doubt: object): object {
  return {
    ...nameFields('path', joinPath(names)),
    ...(layer !== undefined && { layer }),
    bytes,
    entries,
    ...doubt,
  };
}
