import type { IndexOrigin } from '../../../index/cached-indexes.js';
import { type BuildStep, buildSteps } from '../../../oci/build-steps.js';
import { dockerfileSteps, stepLine } from '../../../oci/dockerfile-step.js';
import { formatPlatform, type Platform } from '../../../oci/platform.js';
import type { ImageOffer, ResolvedImage } from '../../../source/image-source.js';
import { cutText } from '../../terminal/layout/cut-text.js';
import { textTable } from '../../terminal/layout/table.js';
import { countText, formatSize } from '../../terminal/wording/size.js';

/** Characters of a build step that are always shown. */
const STEP_MIN = 40;

/**
 * Returns the text output of `inspect`: the image, its platforms, build steps and layers.
 * @param columns to which long build steps are cut; undefined: nothing is cut
 */
export function imageTables(image: ResolvedImage, offer: ImageOffer, columns: number | undefined): string {
  const tables = [textTable(rowsOf([...identity(image, offer), ...container(image)]))];
  if (offer.isIndex) tables.push(textTable(platforms(image, offer)));
  if (image.config.history.length > 0) tables.push(cut(textTable(steps(image)), columns));
  tables.push(textTable(layers(image)));
  return tables.join('\n\n');
}

/** Returns the part for choosing layers (container, build steps), cut to `columns`. */
export function overviewTables(image: ResolvedImage, columns: number): string {
  const tables = [textTable(rowsOf(container(image)))];
  if (image.config.history.length > 0) tables.push(textTable(steps(image)));
  return cut(tables.filter((table) => table !== '').join('\n\n'), columns);
}

function cut(table: string, columns: number | undefined): string {
  if (columns === undefined) return table;
  const width = Math.max(STEP_MIN, columns - 1);
  return table
    .split('\n')
    .map((line) => cutText(line, width))
    .join('\n');
}

/** A name and its values; undefined if the image has none. */
type Row = [string, readonly (string | undefined)[]];

/** Omits missing values. A second value is below the first. */
function rowsOf(rows: readonly Row[]): string[][] {
  return rows.flatMap(([name, values]) =>
    values.filter((value) => value !== undefined).map((value, i) => [i === 0 ? `${name}:` : '', value]),
  );
}

function identity({ reference, digest, platform, manifest }: ResolvedImage, offer: ImageOffer): Row[] {
  return [
    ['Image', [reference]],
    ['Index', [offer.isIndex ? offer.digest : undefined]],
    ['Manifest', [digest]],
    ['Config', [manifest.config.digest]],
    ['Platform', [formatPlatform(platform)]],
  ];
}

/** How a container of the image is run. */
function container({ config, manifest }: ResolvedImage): Row[] {
  const { container, created, author } = config;
  const list = (words: readonly string[] | undefined) => (words ? [JSON.stringify(words)] : []);
  const pairs = (map: Record<string, string>) =>
    Object.entries(map).map(([name, value]) => `${name}=${value}`);
  return [
    ['Created', [created]],
    ['Author', [author]],
    ['User', [container.user]],
    ['Workdir', [container.workingDir]],
    ['Entrypoint', list(container.entrypoint)],
    ['Cmd', list(container.cmd)],
    ['Shell', list(container.shell)],
    ['Stop signal', [container.stopSignal]],
    ['Env', container.env],
    ['Ports', container.exposedPorts],
    ['Volumes', container.volumes],
    ['Labels', pairs(container.labels)],
    ['Annotations', pairs(manifest.annotations ?? {})],
  ];
}

function platforms({ digest }: ResolvedImage, { images }: ImageOffer): string[][] {
  const rows = images.map((one) => [
    platformText(one.platform),
    one.digest,
    one.digest === digest ? 'chosen' : '',
  ]);
  return [['PLATFORM', 'MANIFEST', ''], ...rows];
}

/** With the OS version, which only Windows images have. */
export function platformText(platform: Platform): string {
  return [formatPlatform(platform), platform.osVersion].join(' ').trimEnd();
}

function steps(image: ResolvedImage): string[][] {
  const rows = imageSteps(image).map(({ emptyLayer, layer, size, text }, i) => {
    // `?`: the history does not fit the layers, so its steps have none.
    const made = emptyLayer ? 'metadata only' : size === undefined ? '?' : formatSize(size);
    return [String(i + 1), String(layer ?? '-'), made, text];
  });
  return [['STEP', 'LAYER', 'SIZE', 'CREATED BY'], ...rows];
}

function layers(image: ResolvedImage): string[][] {
  const { layers } = image.manifest;
  const rows = layers.map(({ digest, size }, i) => [String(i + 1), formatSize(size), digest]);
  const total = ['total', formatSize(totalSize(image)), countText(layers.length, 'layer')];
  return [['LAYER', 'SIZE', 'DIGEST'], ...rows, total];
}

/**
 * Returns the output of `inspect --json`: the contract with programs.
 * @param origins of the indexes that the layers would be opened with
 */
export function imageRecord(
  image: ResolvedImage,
  offer: ImageOffer,
  origins: readonly IndexOrigin[],
): Record<string, unknown> {
  const { config, manifest } = image;
  const { container, diffIds, created, author } = config;
  return {
    reference: image.reference,
    ...(offer.isIndex && { index: offer.digest }),
    digest: image.digest,
    mediaType: manifest.mediaType,
    platform: formatPlatform(image.platform),
    platforms: offer.images.map(({ platform, digest, size }) => ({
      platform: formatPlatform(platform),
      ...(platform.osVersion !== undefined && { osVersion: platform.osVersion }),
      digest,
      size,
    })),
    annotations: manifest.annotations ?? {},
    config: { digest: manifest.config.digest, size: manifest.config.size, created, author, ...container },
    steps: imageSteps(image).map(({ emptyLayer, layer, size, text: _, ...step }) => ({
      ...step,
      metadataOnly: emptyLayer,
      layer,
      size,
    })),
    layers: manifest.layers.map(({ digest, size, mediaType }, i) => ({
      layer: i + 1,
      digest,
      diffId: diffIds[i],
      size,
      mediaType,
      verified: origins[i]!.kind === 'own',
    })),
    totalSize: totalSize(image),
  };
}

/** Returns the steps: the compressed size of the layer, and a line of text, `RUN make install`. */
export function imageSteps({
  config,
  manifest,
}: ResolvedImage): (BuildStep & { size?: number; text: string })[] {
  const instructions = dockerfileSteps(config.history);
  return buildSteps(config, manifest.layers.length).map((step, i) => {
    const shown = { ...step, text: stepLine(instructions[i]!) };
    return step.layer === undefined ? shown : { ...shown, size: manifest.layers[step.layer - 1]!.size };
  });
}

/** Compressed bytes of all layers. A repeated layer counts each time. */
function totalSize({ manifest }: ResolvedImage): number {
  return manifest.layers.reduce((sum, { size }) => sum + size, 0);
}
