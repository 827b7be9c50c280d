import { relative } from 'node:path';
import { LayerslayerError, withContext } from '../../../base/errors.js';
import { printable } from '../../../base/text/printable.js';
import { formatPlatform } from '../../../oci/platform.js';
import type { SavedBlob, SaveOutcome } from '../../../save/saved-blob.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import { fetchedText, imageTitle } from '../../terminal/wording/result-line.js';
import { countText, formatSize } from '../../terminal/wording/size.js';

/** `layer 3/8: downloads/library/nginx/alpine/sha256_ab….tar.gz (28.3 MiB, saved)` */
export function savedLine(
  { layers, size }: SaveOutcome,
  { path, how }: SavedBlob,
  of: { layers: number; cwd: string },
): string {
  const near = relative(of.cwd, path);
  const shown = near.startsWith('..') ? path : near;
  return printable(`${layersText(layers)}/${of.layers}: ${shown} (${formatSize(size)}, ${HOW[how]})`);
}

const HOW: Record<SavedBlob['how'], string> = {
  saved: 'saved',
  resumed: 'resumed and saved',
  complete: 'already there',
};

/** The fault of a layer, with its number. */
export function saveFault({ layers, result }: SaveOutcome): LayerslayerError | undefined {
  return result instanceof LayerslayerError ? withContext(result, layersText(layers)) : undefined;
}

function layersText(layers: readonly number[]): string {
  return `layer ${layers.join(', ')}`;
}

/** The result of `save`, for the last line and for `--json`. */
export interface SaveSummary {
  image: ResolvedImage;
  outcomes: readonly SaveOutcome[];
  place: string; // `downloads/library/nginx/alpine`, `oci:DIR:TAG`
  bytesFetched: number;
  elapsedMs: number;
}

/** `IMAGE@DIGEST (linux/amd64): 8 layers, 70.2 MiB in PLACE, 19.8 MiB fetched in 1.9 s` */
export function summaryLine({ image, outcomes, place, bytesFetched, elapsedMs }: SaveSummary): string {
  const saved = outcomes.filter((one) => !saveFault(one));
  const count = saved.reduce((sum, { layers }) => sum + layers.length, 0);
  const size = formatSize(saved.reduce((sum, one) => sum + one.size, 0));
  return printable(
    `${imageTitle(image)} (${formatPlatform(image.platform)}): ${countText(count, 'layer')}, ` +
      `${size} in ${place}, ${fetchedText(bytesFetched, elapsedMs)}`,
  );
}

/** The contract with programs: a layer has either `path` and `state`, or `error`. */
export function saveRecord(summary: SaveSummary): Record<string, unknown> {
  const { image, outcomes, place, bytesFetched, elapsedMs } = summary;
  const byLayer = outcomes.flatMap(({ layers, digest, size, result }) =>
    layers.map((layer) => {
      const end =
        result instanceof LayerslayerError
          ? { error: { code: result.code, message: result.message } }
          : { path: result.path, state: result.how };
      return { layer, digest, size, ...end };
    }),
  );
  return {
    reference: image.reference,
    digest: image.digest,
    platform: formatPlatform(image.platform),
    place,
    layers: byLayer.sort((a, b) => a.layer - b.layer),
    bytesFetched,
    elapsedMs: Math.round(elapsedMs),
  };
}
