import { asLayerslayerError } from '../../base/errors.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import type { Digest } from '../../oci/digest.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { wantedBlobs } from '../blobs/wanted-blobs.js';
import type { Layer } from '../layer.js';
import type { LayerOpener, OpenHow } from './layer-opener.js';
import { refuseOtherTypes } from './layer-types.js';

/**
 * Layers opened at once of which others may have made indexes. They wait for the network, not for
 * an inflate thread: fewer at once are more requests in series. Their own passes take turns.
 */
const LOOKUPS_AT_ONCE = 16;

export interface OpenLayersHow extends Omit<OpenHow, 'passes'> {
  passesAtOnce: number; // own passes
  /** Called with the first fault. It aborts `signal`. */
  stop(fault: unknown): void;
}

/**
 * Opens layers of an image, several at once. The first fault stops the others. Complete indexes
 * stay cached.
 * @param numbers of the layers, from 1, in the order of the result
 * @throws LayerslayerError the first fault, with the layer's number; UNSUPPORTED for a layer of
 *   another type; INVALID_ARGUMENT for a number that the image does not have; the signal's reason
 */
export async function openLayers(
  opener: LayerOpener,
  image: ResolvedImage,
  numbers: readonly number[],
  { passesAtOnce, stop, ...how }: OpenLayersHow,
): Promise<Layer[]> {
  const wanted = wantedBlobs(image, numbers);
  refuseOtherTypes(image, numbers);
  const passes = new Semaphore(passesAtOnce);
  const lookups = new Semaphore(LOOKUPS_AT_ONCE);
  const opened = new Map<Digest, Promise<Layer>>();
  // Largest first, so that the last to end is a small one.
  for (const blob of wanted.toSorted((a, b) => b.size - a.size)) {
    const task = opener.hasForeign(image, blob, how.sources)
      ? lookups.run(() => opener.open(image, blob, { ...how, passes }), how.signal)
      : passes.run(() => opener.open(image, blob, how), how.signal);
    task.catch(stop);
    opened.set(blob.digest, task);
  }
  try {
    return await Promise.all(numbers.map((number) => opened.get(image.manifest.layers[number - 1]!.digest)!));
  } catch (error) {
    await Promise.allSettled(opened.values());
    throw asLayerslayerError(error);
  }
}
