/** Rule R24: layers with `urls`. */
import { describe, expect, test } from 'vitest';
import { type Fault, redirectTo, replaceBody, status } from '../../support/fault-proxy.js';
import { basicAuthorization } from '../../support/registry.js';
import { LAYER, type Rig, type RigOptions, same, streamed, useRegistry, withCode } from '../harness.js';

const { rig, image } = useRegistry();
const TYPE = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
const USER = { username: 'ali', password: 'open sesame' };
const OPEN_DOOR = Buffer.alloc(LAYER.length, 'x');

let at: Rig;
/**
 * Returns a source whose image has one foreign layer that the registry lacks. `urls` may use the
 * proxy's ports.
 */
const foreign = async (urls: unknown, options: RigOptions & { type?: string; missing?: Fault } = {}) => {
  at = await rig(options);
  const [layer] = image().manifest.layers;
  const text = typeof urls === 'function' ? urls(at) : urls;
  const manifest = {
    ...image().manifest,
    layers: [{ ...layer, mediaType: options.type ?? TYPE, urls: text }],
  };
  const body = replaceBody(JSON.stringify(manifest), { 'docker-content-digest': undefined });
  at.proxy.rules.push(
    { path: /manifests/, method: 'HEAD', fault: status(405) },
    { path: /manifests/, fault: body },
    { path: new RegExp(`blobs/${layer!.digest}`), fault: options.missing ?? status(404) },
  );
  return at;
};
/** Location of the layer in the proxy's storage; the registry's response passes through. */
const stored = ({ proxy }: Rig, path = image().manifest.layers[0]!.digest) =>
  `${proxy.storageUrl}/v2/library/app/blobs/${path}?signature=${proxy.signature}`;
const askedElsewhere = () => at.proxy.requests(/./, 'storage');

describe('a layer that the registry lacks is read from its urls', () => {
  test.each([
    ['docker’s foreign type', TYPE, status(404)],
    [
      'OCI’s nondistributable type',
      'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
      status(404),
    ],
    ['any type that has urls', 'application/vnd.oci.image.layer.v1.tar+gzip', status(404)],
    ['gone, 410', TYPE, status(410)],
  ])('%s', async (_, type, missing) => {
    const { layer } = await foreign((r: Rig) => [stored(r)], { type, missing });
    same(await streamed(await layer()), LAYER);
  });

  test('by ranges, without asking the registry again after it lacked the layer', async () => {
    const { layer, proxy } = await foreign((r: Rig) => [stored(r)]);
    const blob = await layer();
    same(await blob.read(1000, 500), LAYER.subarray(1000, 1500));
    same(await blob.read(0, 10), LAYER.subarray(0, 10));
    expect(askedElsewhere().map(({ headers }) => headers.range)).toEqual(['bytes=1000-1499', 'bytes=0-9']);
    expect(proxy.requests(new RegExp(blob.digest))).toHaveLength(1);
  });

  test('without the registry’s credentials, on its own host too', async () => {
    const own = (r: Rig) => [`${r.proxy.url}/files/layer`];
    const { layer, proxy } = await foreign(own, { client: USER, tokens: {} });
    proxy.rules.unshift({ path: /^\/files/, fault: status(200, {}, LAYER) });
    same(await streamed(await layer()), LAYER);
    expect(proxy.requests(/^\/files/).map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(proxy.requests(/^\/token/)[0]?.headers.authorization).toBe(
      basicAuthorization(USER.username, USER.password),
    );
  });

  test('the registry comes first', async () => {
    const { layer } = await foreign((r: Rig) => [stored(r)], { missing: {} });
    same(await streamed(await layer()), LAYER);
    expect(askedElsewhere()).toHaveLength(0);
  });

  test('and its refusal does not count as a missing layer', async () => {
    const { layer } = await foreign((r: Rig) => [stored(r)], { missing: status(403) });
    await expect((await layer()).read(0, 10)).rejects.toMatchObject(withCode('UNAUTHORIZED'));
    expect(askedElsewhere()).toHaveLength(0);
  });

  test('by redirects', async () => {
    const { layer, proxy } = await foreign((r: Rig) => [`${r.proxy.storageUrl}/moved?signature=x`]);
    proxy.rules.unshift({ path: /^\/moved/, at: 'storage', fault: redirectTo(stored(at)) });
    same(await streamed(await layer()), LAYER);
  });

  test.each([
    ['is not there', status(404)],
    ['refuses', status(403)],
    ['has something of another size', status(200, {}, '<html>moved</html>')],
  ])('the second url when the first one %s', async (_, fault) => {
    const urls = (r: Rig) => ['not a url', 'ftp://x.example/layer', `${r.proxy.storageUrl}/first`, stored(r)];
    const { layer, proxy } = await foreign(urls);
    proxy.rules.unshift({ path: /^\/first/, at: 'storage', fault });
    same(await streamed(await layer()), LAYER);
  });

  test('the second url after wrong bytes, on another connection', async () => {
    const { layer, proxy } = await foreign((r: Rig) => [`${r.proxy.storageUrl}/first`, stored(r)]);
    proxy.rules.unshift({ path: /^\/first/, at: 'storage', fault: status(200, {}, OPEN_DOOR) });
    const blob = await layer();
    same(await streamed(blob), OPEN_DOOR);
    blob.reconnect();
    same(await streamed(blob), LAYER);
  });

  test('transient faults are retried', async () => {
    const { layer, proxy } = await foreign((r: Rig) => [stored(r)]);
    proxy.rules.unshift({ path: /./, at: 'storage', nth: [1, 2], fault: status(503) });
    same(await streamed(await layer()), LAYER);
  });
});

describe('a layer that no url has: the message has its type and its urls', () => {
  const fault = async (urls: unknown, options: Parameters<typeof foreign>[1] = {}) => {
    const { layer } = await foreign(urls, options);
    const blob = await layer();
    return streamed(blob).then(
      () => ({ code: 'none', message: '' }),
      (error: { code: string; message: string }) => error,
    );
  };
  test('404 of all: NOT_FOUND', async () => {
    const gone = (name: string) => (r: Rig) => `${r.proxy.storageUrl}/${name}?signature=secret`;
    const { code, message } = await fault((r: Rig) => [gone('a')(r), gone('b/c')(r)], {
      rules: [{ path: /./, at: 'storage', fault: status(404) }],
    });
    expect(code).toBe('NOT_FOUND');
    const { host, storageUrl } = at.proxy;
    expect(message).toMatch(/^foreign layer sha256:\w+… /);
    expect(message).toContain(
      `(${TYPE}) is not in ${host}, nor at ${storageUrl}/a, ${storageUrl}/b/c: push it`,
    );
    expect(message).not.toContain('secret');
  });

  test.each([[undefined], [null], [[]], [['']], ['x']])('urls %j count as none', async (urls) => {
    expect(await fault(urls)).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/^foreign layer .* is not in .*, and has no urls/),
    });
  });

  test('an ordinary layer without urls is unaffected', async () => {
    const type = 'application/vnd.oci.image.layer.v1.tar+gzip';
    const { code, message } = await fault(undefined, { type });
    expect(code).toBe('NOT_FOUND');
    expect(message).not.toContain('foreign');
  });

  test.each([
    ['http://169.254.169.254/latest/meta-data', 'a link-local or metadata address'],
    ['ftp://x.example/layer', 'not http or https'],
    ['file:///etc/passwd', 'not http or https'],
    ['http://ali:secret@x.example/layer', 'the address holds credentials'],
    ['nowhere', 'not valid'],
  ])('%s is refused', async (url, why) => {
    const { code, message } = await fault([url]);
    expect(code).toBe('REGISTRY_UNAVAILABLE');
    expect(message).toContain(`(${TYPE}) is not in ${at.proxy.host}; `);
    expect(message).toContain(why);
    expect(message).not.toContain('secret');
  });

  test('another fault than 404 counts, and bytes of another size are refused', async () => {
    const rules = [{ path: /first/, at: 'storage' as const, fault: status(404) }];
    const urls = (r: Rig) => [`${r.proxy.storageUrl}/first`, `${r.proxy.storageUrl}/second`];
    const refused = await fault(urls, {
      rules: [...rules, { path: /second/, at: 'storage', fault: status(403) }],
    });
    expect(refused).toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining('/second: got 403'),
    });
    const short = await fault(urls, {
      rules: [...rules, { path: /second/, at: 'storage', fault: status(200, {}, 'short') }],
    });
    expect(short).toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining(`got 5 bytes, want ${LAYER.length}`),
    });
  });

  test('at most eight urls are tried', async () => {
    const many = (r: Rig) => Array.from({ length: 1000 }, (_, i) => `${r.proxy.storageUrl}/${i}`);
    await fault(many, { rules: [{ path: /./, at: 'storage', fault: status(404) }] });
    expect(askedElsewhere()).toHaveLength(8);
  });
});
