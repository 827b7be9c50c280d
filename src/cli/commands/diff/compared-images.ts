import { chooseLayer } from '../../../image/choose-layer.js';
import type { ImageView, OpenedImage } from '../../../image/opened-image.js';
import { uncomparedLayers } from '../../../image/opened-image.js';
import { formatPlatform } from '../../../oci/platform.js';
import type { SessionUse } from '../../image-session-command.js';
import type { Output } from '../../terminal/output/output.js';
import { uncomparedLine } from '../../terminal/wording/uncompared.js';

/** The two images of a `diff`. */
export interface ComparedImages {
  from: OpenedImage;
  to: OpenedImage;
}

/** Opens both at once, and warns if they are for different platforms. */
export async function openBoth(use: SessionUse, second: string): Promise<ComparedImages> {
  const [from, to] = await Promise.all([use.open(), use.openOther(second)]);
  const [some, other] = [from, to].map(({ resolved }) => formatPlatform(resolved.platform));
  if (some !== other)
    use.display.warn(
      `warning: ${from.resolved.reference} is for ${some}, ${to.resolved.reference} for ${other}`,
    );
  return { from, to };
}

/** Numbers of the layers that `--layer` chooses in each image; undefined: all of both. */
export type ChosenLayers = { from: number; to: number } | undefined;

/**
 * @param wanted of `--layer`: none, one for both, or one for each
 * @throws LayerslayerError as `chooseLayer`
 */
export function chooseBoth({ from, to }: ComparedImages, wanted: readonly (number | string)[]): ChosenLayers {
  const [first, second = first] = wanted;
  if (first === undefined || second === undefined) return undefined;
  return { from: chooseLayer(from.resolved, first), to: chooseLayer(to.resolved, second) };
}

/** Returns whether both are the same layers of one manifest: there is nothing to compare. */
export function areSame({ from, to }: ComparedImages, layers: ChosenLayers): boolean {
  if (from.resolved.digest !== to.resolved.digest) return false;
  return layers === undefined || layers.from === layers.to;
}

/**
 * Opens the views of both images, one after the other: layers that they share are indexed once.
 * Their bars are those of one image with the layers of both, and a line says whose they are. Warns
 * of indexes that were not compared with their layers.
 */
export async function viewBoth(
  { from, to }: ComparedImages,
  layers: ChosenLayers,
  { display, signal, onProgress }: SessionUse,
  { canDrawLive }: Pick<Output, 'canDrawLive'>,
): Promise<{ from: ImageView; to: ImageView }> {
  const before = from.resolved.manifest.layers.length;
  const count = before + to.resolved.manifest.layers.length;
  display.resolved(count);
  if (canDrawLive) {
    const [some, other] = [from, to].map(({ resolved }) => resolved.reference);
    display.notice(`layers 1-${before}: ${some}; ${before + 1}-${count}: ${other}`);
  }
  const some = await from.view({ signal, onProgress, ...(layers && { only: [layers.from] }) });
  const others = await to.view({
    signal,
    onProgress: onProgress && ((progress) => onProgress({ ...progress, layer: before + progress.layer })),
    ...(layers && { only: [layers.to] }),
  });
  for (const [{ resolved }, view] of [
    [from, some],
    [to, others],
  ] as const) {
    const numbers = uncomparedLayers(view.layers);
    if (numbers.length > 0) display.warn(`${uncomparedLine(numbers)}: ${resolved.reference}`);
  }
  return { from: some, to: others };
}
