import type { EncodedLayerIndex } from '../index/pass/index-pass.js';
import type { TableAllowance } from '../index/pass/table-budget.js';
import type { Digest } from '../oci/digest.js';

/** What the digests say of the bytes that were read last. */
export interface TableProof {
  /** They are as announced: a fault is the table's own. Else it may be of the network. */
  holds: boolean;
}

export interface TableReadOptions {
  digest: Digest; // of the layer
  blobSize: number; // compressed bytes of the layer
  allowance?: TableAllowance; // memory limit of the index; default: none
  signal?: AbortSignal;
  proof?: TableProof | undefined;
}

export interface TableRead {
  index: EncodedLayerIndex;
  /** Nothing is lost but fractions of seconds. */
  isExact: boolean;
}
