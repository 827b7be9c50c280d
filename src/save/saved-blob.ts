import type { LayerslayerError } from '../base/errors.js';
import type { Digest } from '../oci/digest.js';

/** Where a blob is saved. Plain data: it crosses to the thread that writes. */
export interface SaveTarget {
  /** Absolute path of the file while it is not complete, in the file system of `stem`. */
  partial: string;
  /** Absolute path of the complete file. */
  stem: string;
  /** What the bytes are compressed with is added to `stem`: `.tar.gz`, `.tar.zst`, `.tar` … */
  suffixed: boolean;
}

export interface SavedBlob {
  path: string;
  /** `resumed`: its first bytes were there; `complete`: all were, and are those of the digest. */
  how: 'saved' | 'resumed' | 'complete';
}

/** What became of one blob. */
export interface SaveOutcome {
  layers: readonly number[]; // that it is, from 1
  digest: Digest;
  size: number; // compressed bytes
  result: SavedBlob | LayerslayerError;
}

export interface SaveLayersOptions {
  only?: readonly number[] | undefined; // numbers of the layers wanted, from 1; all when left out
  onEnded?(outcome: SaveOutcome): void; // told each outcome when it is known
}
