/**
 * What one layer's index may hold: with room over the largest images seen (10^6 entries), without letting a few MiB of
 * hostile gzip fill the memory of whoever mounts it. Past them a layer is UNSUPPORTED.
 */
export const LAYER_LIMITS = {
  entries: 10_000_000,
  /** Of all paths together; a PAX path alone may be 1 MiB. */
  pathBytes: 1024 ** 3,
  /** Of all link targets together. */
  linkBytes: 1024 ** 3,
  /** Of all different owners, modes and xattrs together, as AttributeSets counts them; real layers have a few KiB. */
  attributeBytes: 64 * 1024 ** 2,
  /** Of all sparse files together; a hole in every other block of an 8 GiB disk image makes a million. */
  sparseSegments: 2 * 1024 ** 2,
  /** Of all checkpoints' windows, deflated; 0.6 to 1.2 % of a layer's bytes (measured). */
  windowBytes: 1024 ** 3,
};

export type LayerLimits = Readonly<typeof LAYER_LIMITS>;
