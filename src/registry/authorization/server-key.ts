/**
 * The hosts under which tools store Docker Hub's credentials. docker writes
 * `https://index.docker.io/v1/`, podman `docker.io`.
 */
export const HUB_HOSTS: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
const HUB_SERVER = 'https://index.docker.io/v1/';

/** Returns the server name that docker and its helpers use for a registry's credentials. */
export function serverOf(registry: string): string {
  return HUB_HOSTS.includes(registry.toLowerCase()) ? HUB_SERVER : registry;
}

/**
 * Returns the entry whose key is the longest prefix of `registry/repository`, by path components
 * (containers-auth.json(5)). A key without a path applies to the whole registry. Never returns
 * another repository's entry, which may hold another user's password.
 * @param entries `auths` or `credHelpers`, by key as written: `host`, `host/team/app`,
 *   `https://host/v1/`
 * @param registry as in a reference
 */
export function longestKey<T>(
  entries: ReadonlyMap<string, T>,
  registry: string,
  repository: string,
): T | undefined {
  const name = registry.toLowerCase();
  const hosts = HUB_HOSTS.includes(name) ? HUB_HOSTS : [name];
  let best: { rank: number; entry: T } | undefined;
  for (const [key, entry] of entries) {
    const { host, path } = splitKey(key);
    if (!hosts.includes(host) || !(path === '' || `${repository}/`.startsWith(`${path}/`))) continue;
    // Of two spellings of one key, the one that `docker login` writes wins.
    const rank = 2 * path.length + (key === serverOf(registry) ? 1 : 0);
    if (best === undefined || rank > best.rank) best = { rank, entry };
  }
  return best?.entry;
}

/** docker's keys may be URLs. Their `/v1/` and `/v2/` belong to the API, not to a repository. */
function splitKey(key: string): { host: string; path: string } {
  const [host, ...components] = key
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .split('/');
  const path = components.join('/');
  return { host: host!.toLowerCase(), path: path === 'v1' || path === 'v2' ? '' : path };
}
