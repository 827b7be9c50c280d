import { printableName } from '../../../base/text/printable-name.js';
import { bytesOfText } from '../../../base/text/raw-text.js';
import type { FileResult } from '../../../carve/search/file-search.js';
import type { CarvedTree } from '../../../carve/tree-carver.js';
import { nameFields } from '../../../image/records/entry-record.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import { formatDuration, formatSize } from '../../terminal/wording/size.js';

type CarvedText = FileResult['wanted']['text'];

/** What an extraction has cost so far. */
export interface CarveCost {
  fetchedBytes: number; // over the network
  totalBytes: number; // compressed, of the layers that make the view
  elapsedMs: number;
}

/** `FOUND /etc/passwd (1.6 KiB) in layer 1/1: 64.0 KiB of 28.3 MiB fetched (0.2%) in 0.9 s` */
export function fileLine({ wanted, file }: FileResult, layers: number, cost: CarveCost): string {
  const asked = printableName(bytesOf(wanted.text));
  const resolved = printableName(joinPath(file.names));
  const what = asked === resolved || `/${asked}` === resolved ? asked : `${asked} -> ${resolved}`;
  return `FOUND ${what} (${formatSize(file.size)}) in layer ${file.layer}/${layers}: ${costText(cost)}`;
}

export function fileRecord(result: FileResult, layers: number, cost: CarveCost, output: string) {
  const { wanted, file, unverified, uncompared = [] } = result;
  return {
    ...nameFields('path', bytesOf(wanted.text)),
    ...nameFields('resolved', joinPath(file.names)),
    layer: file.layer,
    layers,
    size: file.size,
    output,
    verified: unverified === undefined && uncompared.length === 0,
    ...costRecord(cost),
  };
}

/** `FOUND /etc (212 files, 1.1 MiB) in layers 1, 3 of 3: …` */
export function treeLine(text: CarvedText, carved: CarvedTree, layers: number, cost: CarveCost): string {
  const numbers = [...carved.layers].sort((a, b) => a - b);
  const where =
    numbers.length === 1
      ? `layer ${numbers[0]}/${layers}`
      : `layers ${numbers.join(', ') || '-'} of ${layers}`;
  const files = `${carved.files} ${carved.files === 1 ? 'file' : 'files'}, ${formatSize(carved.bytes)}`;
  return `FOUND ${printableName(bytesOf(text))} (${files}) in ${where}: ${costText(cost)}`;
}

export function treeRecord(
  text: CarvedText,
  carved: CarvedTree,
  layers: number,
  cost: CarveCost,
  output: string,
  uncompared: readonly number[],
) {
  const { files, bytes } = carved;
  const numbers = [...carved.layers].sort((a, b) => a - b);
  return {
    ...nameFields('path', bytesOf(text)),
    files,
    size: bytes,
    fromLayers: numbers,
    layers,
    output,
    verified: uncompared.length === 0,
    ...costRecord(cost),
  };
}

function costText({ fetchedBytes, totalBytes, elapsedMs }: CarveCost): string {
  const percent = totalBytes === 0 ? 0 : (fetchedBytes / totalBytes) * 100;
  const fetched = `${formatSize(fetchedBytes)} of ${formatSize(totalBytes)} fetched (${percent.toFixed(1)}%)`;
  return `${fetched} in ${formatDuration(elapsedMs)}`;
}

function costRecord({ fetchedBytes, totalBytes, elapsedMs }: CarveCost) {
  return { bytesFetched: fetchedBytes, bytesTotal: totalBytes, elapsedMs: Math.round(elapsedMs) };
}

function bytesOf(text: CarvedText): Uint8Array {
  return typeof text === 'string' ? bytesOfText(text) : text;
}
