import type { OpenedImage } from '../../image/opened-image.js';
import type { PassProgress } from '../images/index-pass.js';

/** Returns the progress of each layer, as 202 and events have it. */
export function progressRecord({ layers, isQueued }: PassProgress, { resolved }: OpenedImage) {
  const reported = new Map(layers.map((one) => [one.layer, one]));
  return {
    queued: isQueued,
    layers: resolved.manifest.layers.map(({ digest, size }, i) => {
      const known = reported.get(i + 1);
      return {
        layer: i + 1,
        digest,
        state: known?.state ?? 'waiting',
        doneBytes: known?.doneBytes ?? 0,
        totalBytes: known?.totalBytes ?? size,
      };
    }),
  };
}
