import type { Digest } from '../oci/digest.js';
import { registryReference } from '../oci/image-location.js';
import { addressKind, isNearby } from './http/target-policy.js';
import type { RepositoryScope } from './repository-scope.js';

export { parseRegistry, parseScope, type RepositoryScope, registryKey } from './repository-scope.js';

/** The user's options for registries, as plain data for the fetch thread. */
export interface RegistryOptions {
  username?: string; // with password: basic credentials, first in the order of credentials
  password?: string;
  token?: string; // bearer token (--token-file), sent only to that registry and its token realm
  /** The registry that these secrets are for, as in a reference. Default: each. */
  secretsFor?: string | undefined;
  insecure: boolean; // plain HTTP, or TLS without verification
  /** Stored credentials are used for these repositories only. Default: for all. */
  credentialsFor?: readonly RepositoryScope[] | undefined;
  /**
   * Registries (`registryKey`) that may have a loopback, private or link-local address. Others may
   * not: what clients from elsewhere name must not reach this network. Default: all may.
   */
  nearRegistries?: readonly string[] | undefined;
  /**
   * What is cached counts only if the image's registry delivers it too, with the credentials that
   * may be used for it. Clients may know digests of what they may not read. Default: false.
   */
  provesAccess?: boolean | undefined;
}

/** Returns whether the host is an address, or a name, of this machine, its network or its link. */
export function isNearHost(registry: string): boolean {
  const kind = addressKind(new URL(`https://${registry}`).hostname);
  return kind === 'forbidden' || isNearby(kind);
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
