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
    steps: imageSteps(image).map(({ emptyLayer, layer, size, ...step }) => ({
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

/** The build steps, each with the compressed size of the layer that it made. */
export function imageSteps({ config, manifest }: ResolvedImage): (BuildStep & { size?: number })[] {
  return buildSteps(config, manifest.layers.length).map((step) =>
    step.layer === undefined ? step : { ...step, size: manifest.layers[step.layer - 1]!.size },
  );
}

/** What each build step did, on one line: `RUN make install`. */
export function stepTexts({ config }: ResolvedImage): string[] {
  return dockerfileSteps(config.history).map(({ keyword, text }) =>
    `${keyword ?? ''} ${text}`.replace(/\s+/g, ' ').trim(),
  );
}

/** Compressed bytes of all layers, a blob that stands there twice counted twice. */
export function totalSize({ manifest }: ResolvedImage): number {
  return manifest.layers.reduce((sum, { size }) => sum + size, 0);
}
