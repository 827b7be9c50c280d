import type { RegistryOptions } from '../registry-options.js';
import { covers } from '../repository-scope.js';
import type { Notice } from '../requests/retry.js';
import { askHelper } from './credential-helper.js';
import { type Credentials, readAuthFiles } from './docker-config.js';
import { longestKey, serverOf } from './server-key.js';

export interface CredentialsOptions {
  registry: RegistryOptions;
  environment: NodeJS.ProcessEnv;
  notice: Notice;
}

/**
 * Returns the first credentials in docker's order: command line, --token-file, DOCKER_AUTH_CONFIG,
 * docker's config.json, podman's auth.json. Each file is searched for credHelpers, credsStore,
 * auths. undefined is anonymous. Files are read and helpers run each time, since rejected
 * credentials may have been replaced. A failed source is skipped with a notice. Outside of
 * `credentialsFor` no source is read.
 * @param registry as it stands in a reference
 */
export async function findCredentials(
  registry: string,
  repository: string,
  options: CredentialsOptions,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const { username, password, token } = options.registry;
  if (username !== undefined && password !== undefined) {
    return { kind: 'basic', username, password, from: '--username' };
  }
  if (token !== undefined) return { kind: 'bearer', token, from: '--token-file' };
  const { environment, notice } = options;
  if (!mayUseStored(options.registry, registry, repository)) return undefined;
  for (const file of await readAuthFiles(environment, notice)) {
    const own = longestKey(file.credHelpers, registry, repository);
    for (const helper of new Set([own, file.credsStore])) {
      const found = helper && (await askHelper(helper, serverOf(registry), environment, notice, signal));
      if (found) return found;
    }
    const stored = longestKey(file.auths, registry, repository);
    if (stored) return stored;
  }
  return undefined;
}

/** Returns whether the user's stored credentials may be used for the repository. */
export function mayUseStored(
  { credentialsFor }: RegistryOptions,
  registry: string,
  repository: string,
): boolean {
  return credentialsFor === undefined || covers(credentialsFor, registry, repository);
}
