import type { Unverified } from '../../../carve/search/file-search.js';
import { type OpenedLayer, uncomparedLayers } from '../../../image/opened-image.js';
import type { ProgressDisplay } from '../progress/progress.js';
import { formatRoundSize } from './size.js';

/** For programs: the fields of what comes from an index that was not compared with its layer. */
export const UNVERIFIED = { verified: false };

/** Returns the fields of entries of a merged tree. Any of its layers decides what it shows. */
export function doubtOf(layers: readonly OpenedLayer[]): object {
  return uncomparedLayers(layers).length === 0 ? {} : UNVERIFIED;
}

/** Warns of indexes that were not compared with their layers. */
export function warnUncompared(layers: readonly OpenedLayer[], display: ProgressDisplay): void {
  const numbers = uncomparedLayers(layers);
  if (numbers.length > 0) display.warn(uncomparedLine(numbers));
}

/** `not verified: the index of layer 2 was not compared with the layer` */
export function uncomparedLine(layers: readonly number[]): string {
  const [indexes, them] =
    layers.length === 1 ? ['the index of layer', 'was'] : ['the indexes of layers', 'were'];
  return `not verified: ${indexes} ${layers.join(', ')} ${them} not compared with the layer`;
}

/** `not verified: 96 KiB of 28.3 MiB read` */
export function unverifiedLine({ readBytes, totalBytes }: Unverified): string {
  return `not verified: ${formatRoundSize(readBytes)} of ${formatRoundSize(totalBytes)} read`;
}
