import { LayerslayerError } from '../../../base/errors.js';
import { type OpenedLayer, uncomparedLayers } from '../../../image/opened-image.js';
import { formatPlatform } from '../../../oci/platform.js';
import type { ImageOffer } from '../../../source/image-source.js';
import type { AskedImage, ImageLease } from '../../images/served-images.js';
import type { Call } from '../../routing/route.js';
import type { ServerState } from '../../server-state.js';

/** A text route has no 202: it waits for an index as the command does. */
const PATIENCE_MS = 24 * 3600 * 1000;

/** Opens an image until the answer has ended. */
export async function lease(
  { images }: ServerState,
  asked: AskedImage,
  { signal, afterwards }: Pick<Call, 'signal' | 'afterwards'>,
): Promise<ImageLease> {
  const leased = await images.open(asked, signal);
  afterwards(() => leased.release());
  return leased;
}

/**
 * Opens one of an image's platforms by its number.
 * @param arch number in the list of platforms, from 0
 * @throws LayerslayerError INVALID_ARGUMENT if there is no such number
 */
export async function leaseByNumber(
  state: ServerState,
  image: string,
  arch: number,
  call: Pick<Call, 'signal' | 'afterwards'>,
): Promise<{ leased: ImageLease; offer: ImageOffer }> {
  const asked = state.rules.asked(image);
  const { session, release } = state.images.lendSession();
  call.afterwards(release);
  const offer = await session.listImages(asked.reference, call.signal);
  const platform = offer.images[arch]?.platform;
  if (platform === undefined) {
    const all = offer.images.map((one, i) => `${i} is ${formatPlatform(one.platform)}`).join(', ');
    const message = `${asked.reference} has no platform ${arch}: ${all}`;
    throw new LayerslayerError('INVALID_ARGUMENT', message);
  }
  return { leased: await lease(state, { ...asked, platform }, call), offer };
}

/**
 * Returns a layer with its index, which is made if it is not cached. Requests for the same layer
 * share one pass.
 * @param number from 1
 * @throws LayerslayerError as `IndexPass.view`; the signal's reason
 */
export async function indexedLayer(
  { opened, layerPass }: ImageLease,
  number: number,
  signal: AbortSignal,
): Promise<OpenedLayer> {
  const cached = await opened.cachedLayer(number);
  if (cached) return cached;
  const view = await layerPass(number).view(PATIENCE_MS, signal);
  return present(view).layers[0]!;
}

/**
 * Returns the merged tree, or one layer's own.
 * @param layer from 1; undefined: the merged tree
 * @throws as `indexedLayer`
 */
export async function viewOf(leased: ImageLease, layer: number | undefined, signal: AbortSignal) {
  const pass = layer === undefined ? leased.pass : leased.layerPass(layer);
  return present(await pass.view(PATIENCE_MS, signal));
}

function present<T>(view: T | undefined): T {
  if (view !== undefined) return view;
  throw new LayerslayerError('TIMED_OUT', 'the layers were not indexed within a day');
}

/** Returns a line about layers that are shown by indexes of others; undefined if there are none. */
export function doubtLine(layers: readonly OpenedLayer[]): string | undefined {
  const numbers = uncomparedLayers(layers).map((number) => number - 1);
  if (numbers.length === 0) return undefined;
  const which = numbers.length === 1 ? `layer ${numbers[0]}` : `layers ${numbers.join(', ')}`;
  return `# ${which}: by an index that was not compared with the layer`;
}
