/** Rule P6: referrers, and registries that have none. */
import { describe, expect, test } from 'vitest';
import type { Digest } from '#src/oci/digest.js';
import { fallbackTag } from '#src/registry/registry-client.js';
import { type Fault, FaultProxy, type FaultRule, redirectTo, status } from '../../support/fault-proxy.js';
import { OCI_INDEX, OCI_MANIFEST, sha256 } from '../../support/registry.js';
import { REPOSITORY, type RigOptions, useRegistry } from '../harness.js';

const { rig, registry } = useRegistry();
const SUBJECT = sha256('subject') as Digest;
const TYPE = 'application/vnd.layerslayer.index.v1';
const PATH = /\/referrers\//;

const entry = (name: string, artifactType: string | undefined = TYPE) => ({
  mediaType: OCI_MANIFEST,
  digest: sha256(name),
  size: 7,
  ...(artifactType !== '' && { artifactType }),
});
const list = (...manifests: object[]) =>
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
const page = (body: string, headers: Record<string, string> = {}): Fault =>
  status(200, { 'content-type': OCI_INDEX, ...headers }, body);
const linked = (to: string) => ({ link: `<${to}>; rel="next"` });

async function listed(rules: FaultRule[], options: RigOptions = {}) {
  const { source, proxy, clock } = await rig({ rules, ...options });
  const client = source.client(proxy.host);
  const found = await client.listReferrers(REPOSITORY, { subject: SUBJECT, artifactType: TYPE });
  return { names: found?.map(({ digest }) => digest), requests: proxy.requests(PATH), clock };
}
const on = (fault: Fault, nth?: number): FaultRule => ({
  path: PATH,
  fault,
  ...(nth !== undefined && { nth }),
});

describe('the referrers of a manifest', () => {
  test('are asked for by type, and filtered here: a registry may ignore the filter', async () => {
    const body = list(entry('a'), entry('sbom', 'application/spdx+json'), entry('b'), entry('none', ''));
    const { names, requests } = await listed([on(page(body))]);
    expect(names).toEqual([sha256('a'), sha256('b')]);
    expect(requests[0]!.path).toBe(
      `/v2/${REPOSITORY}/referrers/${SUBJECT}?artifactType=${encodeURIComponent(TYPE)}`,
    );
  });

  test('come in pages', async () => {
    const { names, requests } = await listed([
      on(page(list(entry('a')), linked(`/v2/${REPOSITORY}/referrers/${SUBJECT}?n=1&last=a`)), 1),
      on(page(list(entry('b')), linked('?n=1&last=b')), 1),
      on(page(list(entry('c'))), 1),
    ]);
    expect(names).toEqual(['a', 'b', 'c'].map(sha256));
    expect(requests.map(({ path }) => path.split('?')[1])).toEqual([
      expect.stringContaining('artifactType'),
      'n=1&last=a',
      'n=1&last=b',
    ]);
  });

  test('in pages that lead in a circle end', async () => {
    const { names, requests } = await listed([on(page(list(entry('a')), linked('?last=a')))]);
    expect(names).toEqual([sha256('a'), sha256('a')]);
    expect(requests).toHaveLength(2);
  });

  test('in endless pages end', async () => {
    let count = 0;
    const endless: Fault = {
      instead: () => ({
        status: 200,
        headers: { 'content-type': OCI_INDEX, ...linked(`?last=${count++}`) },
        body: Buffer.from(list(entry(`${count}`))),
      }),
    };
    const { requests } = await listed([on(endless)]);
    expect(requests).toHaveLength(100);
  });

  test('end where the next page is another host’s', async () => {
    const { names, requests } = await listed([
      on(page(list(entry('a')), linked('http://169.254.169.254/v2/x'))),
    ]);
    expect(names).toEqual([sha256('a')]);
    expect(requests).toHaveLength(1);
  });

  test('are asked of the registry itself if the path of the next page begins with two slashes', async () => {
    const other = await FaultProxy.start({ target: registry().url });
    const first: Fault = {
      instead: (_, proxy) => ({
        status: 200,
        headers: { 'content-type': OCI_INDEX, ...linked(`${proxy.url}//${other.host}/v2/x/referrers/`) },
        body: Buffer.from(list(entry('a'))),
      }),
    };
    const { names, requests } = await listed([on(first, 1), on(page(list(entry('b'))))]);
    expect(names).toEqual([sha256('a'), sha256('b')]);
    expect(requests).toHaveLength(2);
    expect(other.requests(/./)).toEqual([]);
    await other.stop();
  });

  test('are none in an empty list', async () => {
    expect((await listed([on(page(list()))])).names).toEqual([]);
  });

  test('are asked for again after a fault', async () => {
    const { names, clock } = await listed([on(status(503), 1), on(page(list(entry('a'))), 1)]);
    expect(names).toEqual([sha256('a')]);
    expect(clock.slept).toHaveLength(1);
  });

  test('of a registry that fails are its fault', async () => {
    await expect(listed([on(status(500))])).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  const without: [string, Fault][] = [
    ['404', status(404)],
    ['405', status(405)],
    ['400', status(400)],
    ['403', status(403)],
    ['401 without a challenge', status(401)],
    ['a web page', status(200, { 'content-type': 'text/html' }, '<html>welcome</html>')],
    ['no JSON', page('{"schemaVersion":2,')],
    ['another document', page(JSON.stringify({ tags: [] }))],
    ['a manifest', page(JSON.stringify({ schemaVersion: 2, config: entry('c'), layers: [] }))],
    ['entries without a digest', page(list({ mediaType: OCI_MANIFEST }))],
    ['more than 4 MiB', page(`${list()}${' '.repeat(4 * 1024 * 1024)}`)],
    ['a redirect to a web page', redirectTo('/login')],
  ];
  test.each(without)('are unknown after %s', async (_, fault) => {
    expect((await listed([on(fault)])).names).toBeUndefined();
  });

  test('are unknown to docker-registry', async () => {
    expect((await listed([])).names).toBeUndefined();
  });
});

test('the fallback tag is within the limits of a tag', () => {
  expect(fallbackTag(SUBJECT)).toBe(SUBJECT.replace(':', '-'));
  expect(fallbackTag(`sha512:${'ab'.repeat(64)}` as Digest)).toBe(`sha512-${'ab'.repeat(32)}`);
});
