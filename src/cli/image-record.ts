import { type BuildStep, buildSteps } from '../oci/build-steps.js';
import { dockerfileSteps } from '../oci/dockerfile-step.js';
import { formatPlatform } from '../oci/platform.js';
import type { ImageOffer, ResolvedImage } from '../source/image-source.js';

/** Returns the output of `inspect --json`: the contract with programs. */
export function imageRecord(image: ResolvedImage, offer: ImageOffer): Record<string, unknown> {
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
    const { keyword = '', text } = instructions[i]!;
    const shown = { ...step, text: `${keyword} ${text}`.replace(/\s+/g, ' ').trim() };
    return step.layer === undefined ? shown : { ...shown, size: manifest.layers[step.layer - 1]!.size };
  });
}

/** Compressed bytes of all layers. A repeated layer counts each time. */
export function totalSize({ manifest }: ResolvedImage): number {
  return manifest.layers.reduce((sum, { size }) => sum + size, 0);
}
