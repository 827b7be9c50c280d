import type { LayerslayerError } from '../base/errors.js';
import type { Digest } from '../oci/digest.js';

/** Where a blob is saved. Plain data: it crosses to the thread that writes. */
export interface SaveTarget {
  /** Absolute path of the file while it is not complete, in the file system of `stem`. */
  partial: string;
  /** Absolute path of the complete file. */
  stem: string;
  /** The compression is added to `stem`: `.tar.gz`, `.tar.zst`, `.tar` … */
  suffixed: boolean;
  /** The file is needed by this process only: it need not outlive a power failure. */
  isTemporary?: boolean;
  /** What messages name instead of `partial`: the user does not know a temporary file. */
  shown?: string;
}

export interface SavedBlob {
  path: string;
  /** `resumed`: a partial file had its first bytes; `complete`: the file existed, and is right. */
  how: 'saved' | 'resumed' | 'complete';
}

/** The result for one blob. */
export interface SaveOutcome {
  layers: readonly number[]; // numbers of the layers with this blob, from 1
  digest: Digest;
  size: number; // compressed bytes
  result: SavedBlob | LayerslayerError;
}

export interface SaveLayersOptions {
  only?: readonly number[] | undefined; // numbers of layers, from 1; default: all
  onEnded?(outcome: SaveOutcome): void; // called for each blob
}
