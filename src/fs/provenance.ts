import type { Layer } from '../engine/layer.js';

/**
 * The origin of an inode, as xattrs that getxattr answers but listxattr does not list. So a copy of
 * the tree has only the image's own attributes. (rule E15)
 */
const PROVENANCE_PREFIX = Buffer.from('layerslayer.');

/** @returns undefined for other names, and for a build step that the image does not have */
export function provenance(
  name: Uint8Array,
  layerNumber: number,
  layer: Layer,
  createdBy: (layerNumber: number) => string | undefined,
): Uint8Array | undefined {
  switch (Buffer.from(name).toString('latin1')) {
    case 'layerslayer.layer':
      return Buffer.from(layer.digest);
    case 'layerslayer.index':
      return Buffer.from(String(layerNumber));
    case 'layerslayer.created_by': {
      const step = createdBy(layerNumber);
      return step === undefined ? undefined : Buffer.from(step);
    }
    default:
      return undefined;
  }
}

export function isProvenance(name: Uint8Array): boolean {
  return PROVENANCE_PREFIX.equals(name.subarray(0, PROVENANCE_PREFIX.length));
}
