import { basename, dirname } from 'node:path';
import { expect, it } from 'vitest';
import { defaultCacheDirectory, defaultLogFile } from '#src/surroundings/default-places.js';

it.each<[NodeJS.ProcessEnv, number, string, string]>([
  [{ HOME: '/h' }, 1, '/h/.cache/layerslayer', '/h/.local/state/layerslayer'],
  [
    { HOME: '/h', XDG_CACHE_HOME: 'c', XDG_STATE_HOME: 's' },
    1,
    '/h/.cache/layerslayer',
    '/h/.local/state/layerslayer',
  ],
  [{ XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '/s' }, 1, '/c/layerslayer', '/s/layerslayer'],
  [{}, 0, '/var/cache/layerslayer', '/var/log/layerslayer'],
])('the cache and the logs of %j, user %i', (env, uid, cache, logs) => {
  expect(defaultCacheDirectory({ env, uid })).toBe(cache);
  expect(dirname(defaultLogFile('/mnt', { env, uid }))).toBe(logs);
});

it('the name of a log file is readable, bounded, and one for each mountpoint', () => {
  const mountpoints = ['/mnt/a/b', '/mnt/a-b', '/mnt/a\nb', `/${'x/'.repeat(2000)}`, '/'];
  const names = mountpoints.map((path) => basename(defaultLogFile(path, { env: { HOME: '/h' }, uid: 1 })));
  expect(names[0]).toMatch(/^mnt-a-b-[0-9a-f]{8}\.log$/);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9._-]{1,100}$/);
});
