import { LayerslayerError } from '../base/errors.js';

/** skopeo's names for the places where images live (containers-transports(5)). */
const REGISTRY = 'docker://';
const ELSEWHERE = /^(oci|oci-archive|docker-archive):/;

/**
 * IMAGE without the name of its place, which is a registry.
 * @throws LayerslayerError UNSUPPORTED for the other places: `oci:DIR` would pass for an image of Docker Hub
 */
export function registryImage(image: string): string {
  if (image.startsWith(REGISTRY)) return image.slice(REGISTRY.length);
  const elsewhere = ELSEWHERE.exec(image);
  if (!elsewhere) return image;
  throw new LayerslayerError(
    'UNSUPPORTED',
    `${image}: ${elsewhere[1]} is not supported, only registries; copy it to one: skopeo copy ${image} docker://…`,
  );
}
