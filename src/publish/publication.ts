import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';

/** Where layer indexes are published. Plain data, as everything here: it crosses threads. */
export type PublishPlace =
  /** In the image's repository, as an artifact that refers to the image's manifest. */
  | { kind: 'referrer' }
  /** In a repository of indexes, `host/name`, by the layer's digest. */
  | { kind: 'repository'; repository: string };

/** A published index of one layer. Its digest says nothing about the layer: only a pass does. */
export interface PublishedIndex {
  layer: Digest;
  blob: Descriptor; // the index file
  version: number | undefined; // of its format; undefined if the manifest does not say
  repository: string; // `host/name` that has it
  statesOffset?: number | undefined; // where the file's states begin, as the manifest says
}

/** A manifest of layer indexes. */
export interface PublishedArtifact {
  repository: string; // `host/name`
  digest: Digest; // of the manifest
  tag?: string; // in a repository of indexes
  indexes: PublishedIndex[];
}

/** What `publish` did. */
export interface Publication {
  artifacts: PublishedArtifact[]; // that hold the image's indexes now
  uploaded: number; // index files that were uploaded
  uploadedBytes: number;
}
