/** Requests by the schemas of /openapi.json, right and wrong ones: none is answered by 500. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TREE_PAGE } from '#src/api/schemas/entry.js';
import { encodeRaw } from '#src/web/model/raw-path.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { file, tarOf } from '../support/tar.js';
import { ROUTES } from './answer-check.js';
import { ODD_LAYERS } from './odd-layers.js';
import { type QueryValues, Served } from './served.js';

const LAYERS = ODD_LAYERS.map((tar) => gzipSync(tar));
/** Images that are not indexed before a request asks for one. */
const FRESH = 40;

interface Parameter {
  name: string;
  in: 'query' | 'path';
  required?: boolean;
  schema: { type?: string; enum?: string[]; minimum?: number; maximum?: number };
}

let registry: TestRegistry;
let served: Served;
let digest: string;
let document: { paths: Record<string, { get: { parameters?: Parameter[] } }> };
beforeAll(async () => {
  registry = await startRegistry();
  const pushed = await pushImage(registry, 'team/app:latest', { layers: LAYERS });
  await pushImage(registry, 'app:latest', { layers: LAYERS });
  digest = pushed.manifest.layers[0]!.digest;
  const fresh = Array.from({ length: FRESH }, (_, i) => [`u${i}`, [tarOf(file(`u${i}`, `${i}`))]]);
  const images = {
    t: LAYERS,
    wrong: [gzipSync(Buffer.alloc(2048, 7))],
    ...(Object.fromEntries(fresh) as Record<string, Buffer[]>),
  };
  served = await Served.start(images, { registries: [registry.host] });
  await served.json('/api/v1/tree', { image: served.image('t') }, TREE_PAGE);
  document = (await (await served.get('/openapi.json')).json()) as typeof document;
});
afterAll(async () => {
  await served?.close();
  await registry?.stop();
});

/** Values that a parameter takes, by its name where its schema is only a text. */
const RIGHT: Readonly<Record<string, () => fc.Arbitrary<string>>> = {
  image: () => fc.constantFrom(...knownImages()),
  other: () => fc.constantFrom(...knownImages()),
  path: () =>
    fc.constantFrom('/', '', '/a', '/a/2', '/up/a', '/a/\udcff\udcfe', '/a/b/c/d', '/u0', '*', '/*/2'),
  platform: () => fc.constant('linux/amd64'),
  layer: () => fc.constantFrom('1', '2', '0', digest, digest.slice(0, 12)),
  otherLayer: () => fc.constantFrom('1', digest),
  digest: () => fc.constant(digest),
  pattern: () => fc.constantFrom('2', '*', '/a/*', '.*'),
  size: () => fc.constantFrom('+0', '-1k', '1'),
  mode: () => fc.constantFrom('u+r', '-644'),
  newer: () => fc.constantFrom('2026-01-01', '1'),
  artifactType: () => fc.constant('application/example'),
  url: () => fc.constantFrom('/api/v1/file?image=a&path=/b', '/'),
  q: () => fc.constantFrom('a', '%', '2'),
  sortby: () => fc.constantFrom('scraped_at', 'owner'),
  order: () => fc.constantFrom('asc', 'desc'),
  ns: () => fc.constantFrom(registry.host, 'team'),
  repo: () => fc.constantFrom('app', 'none'),
  tag: () => fc.constantFrom('latest', 'none'),
  name: () => fc.constant('none.js'),
};

/** A value with which each route that must have it answers 200. */
function exampleOf(name: string): string {
  const examples = { image: served.image('t'), other: served.image('t'), path: '/a/2', digest };
  const more = {
    ns: registry.host,
    repo: 'app',
    tag: 'latest',
    url: '/',
    q: 'a',
    name: 'none.js',
    pattern: '2',
  };
  return { ...examples, ...more }[name] ?? '';
}

const knownImages = () => [served.image('t'), served.image('t'), `${registry.host}/team/app`];
const unknownImages = () => [
  ...Array.from({ length: FRESH }, (_, i) => served.image(`u${i}`)),
  served.image('wrong'),
  served.image('none'),
  `${registry.host}/team/none`,
  `${registry.host}/team/app@sha256:${'0'.repeat(64)}`,
  'localhost:1/x',
];

const WRONG = fc.oneof(
  fc.constantFrom(
    '',
    '-1',
    '1e9',
    '999999999',
    'NaN',
    '0x1',
    '1.5',
    'true',
    'no',
    'sha256:',
    '(',
    '[',
    '*',
    '..',
  ),
  fc.constantFrom('../..', '/a/..', '//a//', '%', '\udc80', '\u202e', 'a'.repeat(5_000), 'name', 'size'),
  fc.string({ maxLength: 12 }),
);

function valuesOf({ name, schema }: Parameter): fc.Arbitrary<string> {
  const right = RIGHT[name]?.() ?? rightBySchema(schema);
  const images = name === 'image' || name === 'other' ? [fc.constantFrom(...unknownImages())] : [];
  return fc.oneof({ arbitrary: right, weight: 5 }, { arbitrary: fc.oneof(WRONG, ...images), weight: 2 });
}

function rightBySchema({ type, enum: values, minimum = 0, maximum = 10 }: Parameter['schema']) {
  if (values) return fc.constantFrom(...values);
  if (type === 'boolean') return fc.constantFrom('1', '0', 'true', 'false');
  if (type === 'integer') return fc.constantFrom(minimum, minimum + 1, maximum).map(String);
  return fc.constantFrom('', 'a');
}

/** The parameters that a request has: with those that it must have, mostly. */
function queryOf(parameters: readonly Parameter[]): fc.Arbitrary<QueryValues> {
  const entries = parameters.map((one) => [
    one.name,
    fc.option(valuesOf(one), { nil: undefined, freq: one.required || one.in === 'path' ? 20 : 1 }),
  ]);
  const all = fc.record(Object.fromEntries(entries) as Record<string, fc.Arbitrary<string | undefined>>);
  const more = fc.option(fc.constantFrom('x', 'image', 'ticket', '__proto__'), { nil: undefined, freq: 10 });
  return fc.tuple(all, more).map(([values, name]) => {
    const given = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined);
    return Object.fromEntries(name === undefined ? given : [...given, [name, 'x']]);
  });
}

const HEADERS = fc.record(
  {
    Accept: fc.constantFrom('*/*', 'application/json', 'application/x-ndjson', 'text/html', 'x', '*/*;q=0'),
    Range: fc.constantFrom(
      'bytes=0-',
      'bytes=-0',
      'bytes=5-1',
      'bytes=99999999999999999999-',
      'bytes=0-0,1-1',
      'x',
    ),
    'If-None-Match': fc.constantFrom('*', '"x"', 'x'),
    'Accept-Encoding': fc.constantFrom('gzip', 'identity;q=0', 'gzip;q=2'),
    'Last-Event-ID': fc.constantFrom('-1', '1e9', 'x'),
  },
  { requiredKeys: [] },
);

const METHOD = fc.constantFrom('GET', 'GET', 'GET', 'HEAD');

/** Time for the requests of one route, in ms: what is not made in it is not made. */
const ROUTE_MS = 400;

/** Sends a request, and returns its status. An event stream is not read. */
async function statusOf(path: string, query: QueryValues, headers: Record<string, string>, method: string) {
  const names = new Set([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
  const target = path
    .replace(/\{(\w+)\}/g, (_, name: string) => encodeRaw(String(query[name] ?? 'x')) || 'x')
    .replace('*', 'x');
  const rest = Object.fromEntries(Object.entries(query).filter(([name]) => !names.has(name)));
  const response = await served.get(target, rest, { method, headers });
  if (path === '/api/v1/events') await response.body?.cancel();
  else {
    const body = await response.text();
    expect(body, JSON.stringify(query)).not.toMatch(/"INTERNAL"|node_modules|\.[jt]s:\d+/);
  }
  return response.status;
}

describe('requests by the schemas', () => {
  it('are those of all routes', () => {
    const declared = ROUTES.map(({ path }) => path);
    expect(Object.keys(document.paths).sort()).toEqual([...declared].sort());
    expect(declared.length).toBeGreaterThan(28);
  });

  it.each(ROUTES.map(({ path }) => path))('of %s never get 500', async (path) => {
    const parameters = document.paths[path]!.get.parameters ?? [];
    const needed = parameters.filter((one) => one.required || one.in === 'path');
    const right = Object.fromEntries(needed.map(({ name }) => [name, exampleOf(name)]));
    expect(await statusOf(path, right, {}, 'GET')).toBe(path === '/assets/{name}' ? 404 : 200);
    const end = performance.now() + ROUTE_MS;
    await fc.assert(
      fc.asyncProperty(queryOf(parameters), HEADERS, METHOD, async (query, headers, method) => {
        if (performance.now() > end) return;
        const status = await statusOf(path, query, headers, method);
        expect(status, JSON.stringify({ query, headers })).not.toBe(500);
      }),
      { numRuns: 60 },
    );
  });

  it('leave nothing in the log', () => {
    expect(served.log.filter((line) => line.includes('request '))).toEqual([]);
  });
});
