import type { Digest } from '../oci/digest.js';
import { registryReference } from '../oci/image-location.js';

/** The user's options for registries, as plain data for the fetch thread. */
export interface RegistryOptions {
  username?: string; // with password: basic credentials, first in the order of credentials
  password?: string;
  token?: string; // bearer token (--token-file), sent only to that registry and its token realm
  /** The registry that these secrets are for, as in a reference. Default: each. */
  secretsFor?: string | undefined;
  insecure: boolean; // plain HTTP, or TLS without verification
}

/** Returns the options of one image. An index repository may be in a registry of other users. */
export function optionsForImage(options: RegistryOptions, reference: string): RegistryOptions {
  const inRegistry = registryReference(reference);
  return inRegistry ? { ...options, secretsFor: inRegistry.registry } : options;
}

/**
 * Manifests and configs cached between runs. The client checks their digests, so a damaged one is
 * a miss. Neither call throws for a cache that is full, gone or read-only.
 */
export interface KeptBlobs {
  /** Returns undefined if it is not cached. */
  read(digest: Digest): Promise<Uint8Array | undefined>;
  write(digest: Digest, bytes: Uint8Array): Promise<void>;
}
