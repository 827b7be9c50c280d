import { printableJson } from '../../../base/text/printable.js';
import { printableName } from '../../../base/text/printable-name.js';
import { nameFields } from '../../../image/records/entry-record.js';
import type { HiddenBelow, HiddenReport } from '../../../image/usage/hidden-usage.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import { cutText } from '../../terminal/layout/cut-text.js';
import { textTable } from '../../terminal/layout/table.js';
import { countText, formatSize } from '../../terminal/wording/size.js';
import { percentOf, percentText } from './size-limit.js';
import type { DuForm } from './size-lines.js';

export interface HiddenForm extends DuForm {
  showsPaths: boolean; // besides the sums by layer
  columns: number | undefined; // to which build steps are cut; undefined: nothing is cut
  /** Returns the build step that made a layer, as an instruction of a Dockerfile. */
  stepOf(layer: number): string | undefined;
}

/** Characters of a build step that are always shown. */
const STEP_MIN = 40;

/** By layer with the build steps, then by path if wanted, then the sum of all. */
export function* hiddenLines(report: HiddenReport, form: HiddenForm): Generator<string, void, undefined> {
  const sizeOf = form.isExact ? String : formatSize;
  if (report.byLayer.length > 0) {
    yield* layerLines(report, form, sizeOf);
    yield '';
  }
  if (form.showsPaths && report.byLayer.length > 0) {
    yield* pathLines(report, form, sizeOf);
    yield '';
  }
  const { bytes, layerBytes, entries } = report;
  const share = `${sizeOf(bytes)} of ${sizeOf(layerBytes)} hidden (${percentText(bytes, layerBytes)})`;
  yield `${share}, ${countText(entries, 'entry', 'entries')}`;
}

type SizeText = (bytes: number) => string;

function* layerLines({ byLayer }: HiddenReport, form: HiddenForm, sizeOf: SizeText): Generator<string> {
  const shown = form.order === 'size' ? byLayer.toSorted((a, b) => b.bytes - a.bytes) : byLayer;
  const rows = shown.map(({ layer, hiddenBy, how, bytes, entries }) =>
    [layer, hiddenBy, how, entries, sizeOf(bytes)].map(String),
  );
  const [heading, ...lines] = textTable([['LAYER', 'HIDDEN BY', 'HOW', 'ENTRIES', 'SIZE'], ...rows]).split(
    '\n',
  );
  yield heading!;
  const width = form.columns === undefined ? Number.POSITIVE_INFINITY : Math.max(STEP_MIN, form.columns - 1);
  for (const [i, line] of lines.entries()) {
    yield line;
    const { layer, hiddenBy } = shown[i]!;
    for (const [what, step] of [
      ['added by:  ', form.stepOf(layer)],
      ['removed by:', form.stepOf(hiddenBy)],
    ]) {
      if (step !== undefined) yield cutText(`       ${what} ${step}`, width);
    }
  }
}

/** Room for sizes and ways, since rows are printed before the last one is known. */
const [SIZE_WIDTH, WAY_WIDTH] = ['1023.9 MiB'.length, 'whiteout'.length];

function* pathLines(report: HiddenReport, form: HiddenForm, sizeOf: SizeText): Generator<string> {
  const line = (size: string, layer: string, hiddenBy: string, how: string, path: string) =>
    [
      size.padStart(SIZE_WIDTH),
      layer.padStart('LAYER'.length),
      hiddenBy.padStart('HIDDEN BY'.length),
      how.padEnd(WAY_WIDTH),
      path,
    ].join('  ');
  yield line('SIZE', 'LAYER', 'HIDDEN BY', 'HOW', 'PATH');
  for (const { names, layer, hiddenBy, how, bytes } of report.rows(form.order))
    yield line(sizeOf(bytes), String(layer), String(hiddenBy), how, printableName(joinPath(names)));
}

/** An object for each row, and last one with the total. @param doubt as for `sizeRecords` */
export function* hiddenRecords(
  report: HiddenReport,
  order: 'name' | 'size',
  doubt: object,
): Generator<string, void, undefined> {
  for (const row of report.rows(order)) yield printableJson({ ...hiddenRecord(row), ...doubt });
  const { bytes, entries, layerBytes } = report;
  const total = { bytes, entries, layerBytes, percent: percentOf(bytes, layerBytes) };
  yield printableJson({ total, ...doubt });
}

function hiddenRecord({ names, addedBy, removedBy, ...hidden }: HiddenBelow): object {
  return { ...nameFields('path', joinPath(names)), ...hidden, addedBy, removedBy };
}
