import { registryReference } from '../../../oci/image-location.js';
import type { RegistryOptions, RepositoryScope } from '../../../registry/registry-options.js';
import { parseRegistry, parseScope, registryKey } from '../../../registry/registry-options.js';
import { usageError } from '../../options/usage-error.js';

/** Options about registries, as they were given. */
export interface RegistryChoices {
  insecure: boolean;
  credentials: readonly string[];
  'allow-registry': readonly string[];
}

/** All repositories. */
const ALL = 'all';

/**
 * Returns what the fetch thread may do for clients.
 * @param images canonical references of the command line: their repositories' credentials are used
 * @param isLoopback only this machine reaches the server
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function registryChoices(
  { insecure, credentials, 'allow-registry': allowed }: RegistryChoices,
  images: Iterable<string>,
  isLoopback: boolean,
): RegistryOptions {
  const scopes = credentials.filter((one) => one !== ALL).map(scopeOf);
  const registries = allowedRegistries(allowed);
  return {
    insecure,
    credentialsFor: credentials.includes(ALL) ? undefined : [...scopes, ...ownScopes(images)],
    ...(!isLoopback && { nearRegistries: registries, provesAccess: true }),
  };
}

/** Returns `--allow-registry` in one spelling. @throws LayerslayerError INVALID_ARGUMENT */
export function allowedRegistries(allowed: readonly string[]): string[] {
  return allowed.map((text) => {
    const registry = parseRegistry(text);
    if (registry !== undefined) return registry;
    throw usageError(`--allow-registry wants HOST or HOST:PORT, got ${text}`);
  });
}

/** Returns `--allow-host`, checked. @throws LayerslayerError INVALID_ARGUMENT */
export function allowedHosts(names: readonly string[]): string[] {
  return names.map((name) => {
    if (/^(\[[\da-f:.]+\]|[\w.-]+)$/i.test(name)) return name;
    throw usageError(`--allow-host wants a name without scheme and port, got ${name}`);
  });
}

function scopeOf(text: string): RepositoryScope {
  const scope = parseScope(text);
  // A word without a dot is rather a repository of Docker Hub that lacks its registry.
  if (scope && (/[.:]/.test(scope.registry) || scope.registry === 'localhost')) return scope;
  throw usageError(`--credentials wants HOST, HOST/PATH or ${ALL}, got ${text}`);
}

/** The repositories of images, and none below them. */
function ownScopes(images: Iterable<string>): RepositoryScope[] {
  return [...images].flatMap((image) => {
    const reference = registryReference(image);
    if (!reference) return [];
    return { registry: registryKey(reference.registry), path: reference.repository, isExact: true };
  });
}
