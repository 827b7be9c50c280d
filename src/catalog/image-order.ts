import type { Digest } from '../oci/digest.js';

/** Images whose layers begin alike. */
interface Branch<T> {
  images: T[]; // without further layers
  branches: Map<Digest, Branch<T>>;
}

/**
 * Orders images so that those with the same lower layers follow each other: their layers are read
 * once. Else the order stays.
 */
export function bySharedLayers<T extends { layers: readonly { digest: Digest }[] }>(
  images: readonly T[],
): T[] {
  const root: Branch<T> = { images: [], branches: new Map() };
  for (const image of images) {
    let branch = root;
    for (const { digest } of image.layers) {
      const next = branch.branches.get(digest) ?? { images: [], branches: new Map() };
      branch.branches.set(digest, next);
      branch = next;
    }
    branch.images.push(image);
  }
  const ordered: T[] = [];
  const ahead = [root];
  for (let branch = ahead.pop(); branch; branch = ahead.pop()) {
    ordered.push(...branch.images);
    ahead.push(...[...branch.branches.values()].reverse());
  }
  return ordered;
}
