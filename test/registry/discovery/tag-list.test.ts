/** Rule R27: lists of tags. */
import { describe, expect, test } from 'vitest';
import { type Fault, FaultProxy, type FaultRule, status } from '../../support/fault-proxy.js';
import { REPOSITORY, type RigOptions, useRegistry } from '../harness.js';

const { rig, registry } = useRegistry();
const PATH = /\/tags\/list/;

const page = (tags: unknown, headers: Record<string, string> = {}): Fault =>
  status(200, { 'content-type': 'application/json', ...headers }, JSON.stringify({ name: REPOSITORY, tags }));
const linked = (to: string) => ({ link: `<${to}>; rel="next"` });
const on = (fault: Fault, nth?: number): FaultRule => ({
  path: PATH,
  fault,
  ...(nth !== undefined && { nth }),
});

async function pages(rules: FaultRule[], options: RigOptions = {}) {
  const { source, proxy, clock } = await rig({ rules, ...options });
  const first = await source.listTags(`${proxy.host}/${REPOSITORY}`);
  const rest = [];
  for (let next = first.next; next !== undefined && rest.length < 5; next = rest.at(-1)!.next)
    rest.push(await source.listTags(`${proxy.host}/${REPOSITORY}`, next));
  return { tags: [first, ...rest].map((one) => one.tags), proxy, requests: proxy.requests(PATH), clock };
}

describe('the tags of a repository', () => {
  test('of docker-registry come with one request', async () => {
    const { tags, requests } = await pages([]);
    expect(tags).toEqual([['latest']]);
    expect(requests.map(({ path }) => path)).toEqual([`/v2/${REPOSITORY}/tags/list?n=1000`]);
  });

  test('come in pages, by relative and by absolute links', async () => {
    const { tags, requests } = await pages([
      on(page(['a', 'b'], linked(`/v2/${REPOSITORY}/tags/list?n=2&last=b`)), 1),
      on(page(['c'], linked('list?n=2&last=c')), 1),
      {
        path: /last=c/,
        fault: {
          instead: (_, proxy) => ({
            status: 200,
            headers: linked(`${proxy.url}/v2/${REPOSITORY}/tags/list?n=2&last=d%2Fe`),
            body: Buffer.from(JSON.stringify({ tags: ['d'] })),
          }),
        },
      },
      on(page(['e'])),
    ]);
    expect(tags).toEqual([['a', 'b'], ['c'], ['d'], ['e']]);
    expect(requests.map(({ path }) => path.split('?')[1])).toEqual([
      'n=1000',
      'n=2&last=b',
      'n=2&last=c',
      'n=2&last=d%2Fe',
    ]);
  });

  test.each([
    ['another host', (host: string) => `http://${host}/v2/${REPOSITORY}/tags/list?last=a`],
    ['a path that begins with two slashes', (host: string) => `//${host}//${host}/tags/list?last=a`],
    ['such a path at the registry', (host: string, own: string) => `http://${own}//${host}/tags/list?last=a`],
  ])('are asked of the registry itself if the link names %s', async (_, linkTo) => {
    const other = await FaultProxy.start({ target: registry().url });
    try {
      const first: Fault = {
        instead: (_seen, proxy) => ({
          status: 200,
          headers: linked(linkTo(other.host, proxy.host)),
          body: Buffer.from(JSON.stringify({ tags: ['a'] })),
        }),
      };
      const { tags, requests } = await pages([on(first, 1), on(page(['b']))]);
      expect(tags).toEqual([['a'], ['b']]);
      expect(requests).toHaveLength(2);
      expect(other.requests(/./)).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test('come without a page size from a registry that refuses ours', async () => {
    const { tags, requests } = await pages([{ path: /n=1000/, fault: status(400) }, on(page(['a']))]);
    expect(tags).toEqual([['a']]);
    expect(requests.map(({ path }) => path)).toEqual([
      `/v2/${REPOSITORY}/tags/list?n=1000`,
      `/v2/${REPOSITORY}/tags/list`,
    ]);
  });

  test('are none in a repository without tags', async () => {
    expect((await pages([on(page(null))])).tags).toEqual([[]]);
  });

  test('are whatever the registry sends', async () => {
    const odd = ['\x1b[2J', '', '../../..', 'x'.repeat(5000)];
    expect((await pages([on(page(odd))])).tags).toEqual([odd]);
  });

  test('are asked for again after a fault', async () => {
    const { tags, clock } = await pages([on(status(503), 1), on(page(['a']))]);
    expect(tags).toEqual([['a']]);
    expect(clock.slept).toHaveLength(1);
  });

  const unknown = (code: string) => status(404, {}, JSON.stringify({ errors: [{ code, message: 'no' }] }));
  const json = (body: string) => status(200, { 'content-type': 'application/json' }, body);
  const faults: [string, Fault, string, string | RegExp][] = [
    ['an unknown repository', unknown('NAME_UNKNOWN'), 'NOT_FOUND', 'NAME_UNKNOWN: no'],
    ['404 UNSUPPORTED', unknown('UNSUPPORTED'), 'UNSUPPORTED', 'this registry lists no tags'],
    ['405', status(405), 'UNSUPPORTED', 'this registry lists no tags'],
    ['403', status(403), 'UNAUTHORIZED', 'got 403'],
    ['a web page', status(200, {}, '<html>welcome</html>'), 'REGISTRY_UNAVAILABLE', 'got no list of tags'],
    ['another document', json('{"repositories":[]}'), 'REGISTRY_UNAVAILABLE', 'got no list of tags'],
    ['tags that are no strings', page(['a', 1]), 'REGISTRY_UNAVAILABLE', 'got no list of tags'],
    [
      'too long a page',
      json(`{"tags":[]}${' '.repeat(16 * 1024 ** 2)}`),
      'UNSUPPORTED',
      'more than the limit',
    ],
  ];
  test.each(faults)('are an error after %s, which names the repository', async (_, fault, code, message) => {
    const listed = pages([on(fault)]);
    await expect(listed).rejects.toMatchObject({ code, message: expect.stringContaining(String(message)) });
    await expect(listed).rejects.toThrow(new RegExp(`^listing tags of 127\\.0\\.0\\.1:\\d+/${REPOSITORY}: `));
  });
});
