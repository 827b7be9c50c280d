/** Two repositories with the same layer, of which the server may use credentials for one only. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noise, same } from '../../blob/bytes.js';
import { FaultProxy, status } from '../../support/fault-proxy.js';
import { Workplace } from '../../support/mounts.js';
import {
  pushImage,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  startRegistry,
  type TestRegistry,
} from '../../support/registry.js';
import { file, tarOf } from '../../support/tar.js';
import { ServeProcess } from './serve-process.js';

const CONTENT = noise(3 * 2 ** 20);
const LAYER = gzipSync(tarOf(file('large', CONTENT), file('behind', 'b')));

const LENGTH = 100_000;

/** Parts that are far from each other: what one read fetches is in memory for both repositories. */
const [EARLY, MIDDLE, LATE] = [0, 1_500_000, 2_900_000] as const;

type Repository = 'closed' | 'open';

let registry: TestRegistry;
let digest: string; // of the layer
let proxy: FaultProxy;
let place: Workplace;
let server: ServeProcess;

beforeAll(async () => {
  registry = await startRegistry({ auth: true });
  for (const name of ['closed', 'open']) {
    const { manifest } = await pushImage(registry, `${name}/app:1`, { layers: [LAYER] });
    digest = manifest.layers[0]!.digest;
  }
});
afterAll(() => registry?.stop());

beforeEach(async () => {
  place = new Workplace();
  proxy = await FaultProxy.start({ target: registry.url });
  // The registry lets any client read one of the repositories.
  const { authorization } = registry;
  const withAccess = { ask: (headers: object) => ({ ...headers, authorization }) };
  proxy.rules.push({ path: /^\/v2\/open\//, fault: withAccess });
  mkdirSync(join(place.scratch, 'home/.docker'));
  const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
  const config = { auths: { [proxy.host]: { auth } } };
  writeFileSync(join(place.scratch, 'home/.docker/config.json'), JSON.stringify(config));
  // Nothing on disk: each read asks a registry.
  const args = ['--cache-size', '0', '--credentials', `${proxy.host}/closed`];
  server = await ServeProcess.start(place, args);
});
afterEach(async () => {
  await server.end();
  await place.cleanUp();
  await proxy.stop();
});

const image = (repository: Repository) => `${proxy.host}/${repository}/app:1`;

/** Reads a part of the file. @returns `right`, `wrong`, or the code of the fault */
async function read(repository: Repository, offset: number): Promise<string> {
  const init = { headers: { Range: `bytes=${offset}-${offset + LENGTH - 1}` } };
  const response = await server.get('/api/v1/file', { image: image(repository), path: '/large' }, init);
  if (!response.ok) return ((await response.json()) as { error: { code: string } }).error.code;
  const bytes = new Uint8Array(await response.arrayBuffer());
  return same(bytes, CONTENT.subarray(offset, offset + LENGTH)) ? 'right' : 'wrong';
}

async function index(repository: Repository): Promise<number> {
  const response = await server.get('/api/v1/tree', { image: image(repository) });
  await response.text();
  return response.status;
}

/** What was asked for the layer since the last call: repositories, and with which credentials. */
function asked(): string[] {
  const requests = proxy.requests(new RegExp(digest));
  const shown = requests.map(({ path, headers }) => {
    const [, repository] = /^\/v2\/(\w+)\//.exec(path)!;
    return `${repository} ${headers.authorization === undefined ? 'anonymous' : 'with credentials'}`;
  });
  proxy.seen.length = 0;
  return [...new Set(shown)];
}

/** How each repository should be asked. */
const ASKED: Readonly<Record<Repository, string>> = {
  closed: 'closed with credentials',
  open: 'open anonymous',
};

describe('each repository is asked for its own layer, with its own credentials', () => {
  it.each<[Repository, Repository]>([
    ['closed', 'open'],
    ['open', 'closed'],
  ])('%s first, then %s', async (first, second) => {
    for (const repository of [first, second]) {
      expect(await read(repository, MIDDLE)).toBe('right'); // before there is an index
      expect(asked()).toEqual([ASKED[repository]]);
    }
    for (const repository of [first, second]) {
      expect(await index(repository)).toBe(200);
      expect(asked()).toEqual([ASKED[repository]]);
    }
    for (const [repository, offset] of [
      [second, EARLY],
      [first, LATE],
    ] as const) {
      expect(await read(repository, offset)).toBe('right');
      expect(asked()).toEqual([ASKED[repository]]);
    }
  });
});

describe('a repository that refuses', () => {
  it.each<[Repository, Repository]>([
    ['closed', 'open'],
    ['open', 'closed'],
  ])('the layer: clients of %s get nothing, those of %s get it', async (refusing, giving) => {
    expect(await index(giving)).toBe(200);
    expect(asked()).toEqual([ASKED[giving]]);
    proxy.rules.unshift({ path: new RegExp(`/v2/${refusing}/.*/blobs/${digest}`), fault: status(403) });
    expect(await read(refusing, LATE)).toBe('UNAUTHORIZED');
    expect(await index(refusing)).toBe(403);
    expect(asked()).toEqual([ASKED[refusing]]);
    expect(await read(giving, MIDDLE)).toBe('right');
    expect(asked()).toEqual([ASKED[giving]]);
  });

  it('a client without credentials gets nothing of it, although another one has the layer', async () => {
    expect(await index('open')).toBe(200);
    await server.end();
    server = await ServeProcess.start(place, ['--cache-size', '0']);
    proxy.seen.length = 0;
    expect(await index('open')).toBe(200);
    expect(await read('closed', LATE)).toBe('UNAUTHORIZED');
    expect(await index('closed')).toBe(403);
    expect(await read('open', MIDDLE)).toBe('right');
    expect(asked()).toEqual([ASKED.open]);
    expect(proxy.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });
});
