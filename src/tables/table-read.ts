import type { EncodedLayerIndex } from '../index/pass/index-pass.js';
import type { TableAllowance } from '../index/pass/table-budget.js';
import type { Digest } from '../oci/digest.js';

export interface TableReadOptions {
  digest: Digest; // of the layer
  blobSize: number; // compressed bytes of the layer
  allowance?: TableAllowance; // memory limit of the index; default: none
  signal?: AbortSignal;
}

export interface TableRead {
  index: EncodedLayerIndex;
  /** Nothing is lost but fractions of seconds. */
  isExact: boolean;
}
