import { shortDigest } from '../../../oci/digest.js';
import { defaultPlatform, platformDistance } from '../../../oci/platform.js';
import type { ImageOffer, OfferedImage, ResolvedImage } from '../../../source/image-source.js';
import { formatSize } from '../../terminal/wording/size.js';
import { imageSteps, platformText } from '../inspect/image-report.js';
import type { Choice } from './prompter.js';

/** What the user has chosen so far. */
export interface Selection {
  name: string; // the image, as it was typed
  image: ResolvedImage;
  offer: ImageOffer;
  layers: readonly number[]; // from 1, base first; one at least, if the image has any
}

/** The images of an image index, by platform. */
export function platformChoices(offer: ImageOffer): Choice<OfferedImage>[] {
  return offer.images.map((one) => ({ value: one, label: platformText(one.platform) }));
}

/** Returns the image that a command takes by default. */
export function defaultImage({ images }: ImageOffer): OfferedImage | undefined {
  const wanted = defaultPlatform();
  const distance = ({ platform }: OfferedImage) =>
    platformDistance(wanted, platform) ?? Number.POSITIVE_INFINITY;
  const nearest = images.toSorted((a, b) => distance(a) - distance(b))[0];
  return nearest && distance(nearest) < Number.POSITIVE_INFINITY ? nearest : undefined;
}

/** Each layer with its size and its build step, or its digest if the history has no step. */
export function layerChoices(image: ResolvedImage): Choice<number>[] {
  const { layers } = image.manifest;
  const madeBy = new Map(imageSteps(image).map(({ layer, text }) => [layer, text]));
  const sizes = layers.map(({ size }) => formatSize(size));
  const numberWidth = String(layers.length).length;
  const sizeWidth = Math.max(0, ...sizes.map((size) => size.length));
  return layers.map(({ digest }, i) => {
    const number = i + 1;
    const columns = [String(number).padStart(numberWidth), sizes[i]!.padStart(sizeWidth)];
    return { value: number, label: [...columns, madeBy.get(number) || shortDigest(digest)].join('  ') };
  });
}

export function isWhole({ image, layers }: Selection): boolean {
  return layers.length === image.manifest.layers.length;
}

/** Returns the layer that is shown by itself; undefined: the merged tree, as of several layers. */
export function viewLayer(selection: Selection): number | undefined {
  return selection.layers.length === 1 && !isWhole(selection) ? selection.layers[0] : undefined;
}

/** `the image`, `layer 2` */
export function viewText(selection: Selection): string {
  const layer = viewLayer(selection);
  return layer === undefined ? 'the image' : `layer ${layer}`;
}

/** `layer 2 of 5`, `layers 1-3, 5 of 5`, `all 5 layers`. */
export function layersText(layers: readonly number[], of: number): string {
  if (layers.length === of) return of === 1 ? 'its one layer' : `all ${of} layers`;
  return `${layers.length === 1 ? 'layer' : 'layers'} ${numberRanges(layers)} of ${of}`;
}

/** `1-3, 5`: ascending numbers, each once, for people. */
export function numberRanges(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range?.last === number - 1) range.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}
