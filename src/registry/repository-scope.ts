import { HUB_HOSTS } from './authorization/server-key.js';

/** Repositories of one registry. Plain data, for the fetch thread. */
export interface RepositoryScope {
  registry: string; // as `registryKey` returns it
  path: string; // whole components of a repository's path; empty: all repositories
  isExact: boolean; // only the repository `path`, none below it
}

/** A component of a repository's path (distribution/reference). */
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;

/**
 * Returns one spelling for a registry: lower case, without the port of https, addresses in normal
 * form. Docker Hub's hosts are one registry.
 * @param registry as in a reference, which was parsed
 */
export function registryKey(registry: string): string {
  const { host } = new URL(`https://${registry}`);
  return HUB_HOSTS.includes(host) ? HUB_HOSTS[0]! : host;
}

/** Returns the registry in one spelling; undefined if the text is no HOST or HOST:PORT. */
export function parseRegistry(text: string): string | undefined {
  if (!/^[\w.:[\]-]+$/.test(text) || !URL.canParse(`https://${text}`)) return undefined;
  return registryKey(text);
}

/** Parses `HOST[/PATH]`. @returns undefined if the text is something else */
export function parseScope(text: string): RepositoryScope | undefined {
  const [host = '', ...components] = text.replace(/\/$/, '').split('/');
  const registry = parseRegistry(host);
  if (registry === undefined || !components.every((one) => COMPONENT.test(one))) return undefined;
  return { registry, path: components.join('/'), isExact: false };
}

/** Returns whether one of the scopes has the repository. Paths match by whole components. */
export function covers(scopes: readonly RepositoryScope[], registry: string, repository: string): boolean {
  const key = registryKey(registry);
  return scopes.some(({ registry: host, path, isExact }) => {
    if (host !== key) return false;
    if (isExact) return repository === path;
    return path === '' || `${repository}/`.startsWith(`${path}/`);
  });
}

/** Returns whether one of the scopes has all repositories of the registry. */
export function coversRegistry(scopes: readonly RepositoryScope[], registry: string): boolean {
  const key = registryKey(registry);
  return scopes.some(({ registry: host, path, isExact }) => host === key && path === '' && !isExact);
}
