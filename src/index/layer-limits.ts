/**
 * Limits of one layer's index, above the largest images seen (10^6 entries). Beyond them a layer is
 * UNSUPPORTED. `pass/table-budget.ts` limits what a few MiB of hostile gzip may expand to.
 */
export const LAYER_LIMITS = {
  /** Bytes of the tar. The number of a chunk in memory has 32 bits for the layer's 32 KiB. */
  tarBytes: 128 * 1024 ** 4,
  entries: 10_000_000,
  /** Of all paths together; a PAX path alone may be 1 MiB. */
  pathBytes: 1024 ** 3,
  /** Of all link targets together. */
  linkBytes: 1024 ** 3,
  /** Bytes of all attribute sets, as AttributeSets counts them. 10^6 signed files have 300 MB. */
  attributeBytes: 512 * 1024 ** 2,
  /** Of all sparse files. A hole in every other block of an 8 GiB disk image makes a million. */
  sparseSegments: 2 * 1024 ** 2,
  /** Of all checkpoints' states, deflated; gzip has 0.6 to 1.2 % of a layer's bytes (measured). */
  stateBytes: 1024 ** 3,
};

export type LayerLimits = Readonly<typeof LAYER_LIMITS>;
