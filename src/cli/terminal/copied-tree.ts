import type { CarvedTree } from '../../carve/tree-carver.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { nameFields } from './entry-lines.js';
import { printableName } from './printable-name.js';
import { fetchedText, imageTitle } from './result-line.js';
import { countText, formatSize } from './size.js';

/** What `cp` or `export` wrote. */
export interface CopySummary {
  image: ResolvedImage;
  path: Uint8Array; // in the image, absolute
  carved: CarvedTree;
  output: string; // where it is, as messages show it
  isVerified: boolean;
  bytesFetched: number;
  elapsedMs: number;
}

/** `IMAGE@DIGEST: /etc (212 files, 1.1 MiB) in nginx/etc, 19.8 MiB fetched in 1.9 s` */
export function copiedLine({ image, path, carved, output, ...cost }: CopySummary): string {
  const files = `${countText(carved.files, 'file')}, ${formatSize(carved.bytes)}`;
  const fetched = fetchedText(cost.bytesFetched, cost.elapsedMs);
  return `${imageTitle(image)}: ${printableName(path)} (${files}) in ${output}, ${fetched}`;
}

/** The contract with programs. */
export function copiedRecord({ image, path, carved, output, ...rest }: CopySummary): Record<string, unknown> {
  return {
    reference: image.reference,
    digest: image.digest,
    ...nameFields('path', path),
    files: carved.files,
    size: carved.bytes,
    output,
    verified: rest.isVerified,
    bytesFetched: rest.bytesFetched,
    elapsedMs: Math.round(rest.elapsedMs),
  };
}
