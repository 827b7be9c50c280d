/** Rule R11: a HEAD and a registry that never answered have deadlines. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { RegistryClientOptions } from '#src/registry/registry-client.js';
import { drip, type FaultRule, noAnswer, setHeaders, stallAfter, status } from '../../support/fault-proxy.js';
import { LAYER, same, streamed, useRegistry, withCode } from '../harness.js';

const { rig, image } = useRegistry();
const silent = (path: RegExp, method?: string): FaultRule => ({
  path,
  fault: noAnswer(),
  ...(method !== undefined && { method }),
});
/** Long enough for a HEAD to be sent on a busy machine. No other deadline is short. */
const SHORT_HEAD: Partial<RegistryClientOptions> = { headDeadlineMs: 1_000 };
const SHORT_CONTACT: Partial<RegistryClientOptions> = { headDeadlineMs: 100, firstContactMs: 400 };
const asked = (seen: { method: string; path: string }[]) =>
  seen.map(({ method, path }) => `${method} ${path.replace(/^.*\/(manifests|blobs)\/.*$/, '$1')}`);

describe('a HEAD without a useful answer: the tag is read by GET', () => {
  test.each([
    ['is never answered', noAnswer()],
    ['is reset', noAnswer('reset')],
  ])('%s', async (_, fault) => {
    const { resolve, proxy } = await rig({
      rules: [{ path: /manifests/, method: 'HEAD', fault }],
      client: SHORT_HEAD,
    });
    expect((await resolve()).digest).toBe(image().digest);
    expect(asked(proxy.seen)).toEqual(['HEAD manifests', 'GET manifests', 'GET blobs']);
  });

  test('also when a login comes first', async () => {
    const { resolve, proxy } = await rig({
      // The first request gets a 401, the second carries the token.
      rules: [{ ...silent(/manifests/, 'HEAD'), nth: 2 }],
      tokens: {},
      client: SHORT_HEAD,
    });
    expect((await resolve()).digest).toBe(image().digest);
    expect(asked(proxy.seen).slice(0, 4)).toEqual([
      'HEAD manifests',
      expect.stringContaining('GET /token'),
      'HEAD manifests',
      'GET manifests',
    ]);
  });

  test('the caller’s own abort is not a timeout', async () => {
    const { source, proxy, reference } = await rig({ rules: [silent(/manifests/)] });
    const controller = new AbortController();
    const resolving = source.resolve(reference, { os: 'linux', architecture: 'amd64' }, controller.signal);
    controller.abort(new Error('enough'));
    await expect(resolving).rejects.toMatchObject(withCode('ABORTED'));
    expect(proxy.requests(/./).map(({ method }) => method)).not.toContain('GET');
  });
});

describe('a registry that never answered fails by one deadline, retries included', () => {
  const told = (host: string) => `${host} did not answer within 0.4 s`;

  test('asked for a manifest', async () => {
    const { resolve, proxy } = await rig({ rules: [silent(/./)], client: SHORT_CONTACT });
    await expect(resolve()).rejects.toMatchObject(withCode('TIMED_OUT'));
    await expect(resolve()).rejects.toThrow(told(proxy.host));
  });

  test('asked for a manifest, whose connections it cuts after a stall', async () => {
    const client = { ...SHORT_CONTACT, stallMs: 150, clock: undefined! };
    const { resolve, proxy } = await rig({ rules: [silent(/./)], client });
    await expect(resolve()).rejects.toThrow(told(proxy.host));
  });

  test('asked for a layer: data cached by an earlier run needs no answer', async () => {
    const { resolve, proxy, another } = await rig({ client: SHORT_CONTACT });
    const resolved = await resolve();
    proxy.rules.push(silent(/blobs/));
    const open = () => another().open(resolved, resolved.manifest.layers[0]!);
    await expect(open().read(0, 10)).rejects.toThrow(told(proxy.host));
    await expect(streamed(open())).rejects.toMatchObject(withCode('TIMED_OUT'));
  });

  test('its token service does not answer', async () => {
    const { resolve, proxy } = await rig({ rules: [silent(/^\/token/)], tokens: {}, client: SHORT_CONTACT });
    await expect(resolve()).rejects.toThrow(told(proxy.host));
  });

  test('whose token service cuts connections: that is named', async () => {
    const service = createServer((socket) => socket.on('error', () => {}));
    await once(service.listen(0, '127.0.0.1'), 'listening');
    const host = `127.0.0.1:${(service.address() as AddressInfo).port}`;
    const challenge = status(401, { 'www-authenticate': `Bearer realm="http://${host}/token"` });
    const client = { ...SHORT_CONTACT, headDeadlineMs: 1000, stallMs: 100, clock: undefined! };
    const { resolve } = await rig({ rules: [{ path: /./, fault: challenge }], client });
    await expect(resolve()).rejects.toThrow(`; the last try: ${host}: no byte for 0.1 s`);
    service.close();
  });

  test('and is asked again by the next request', async () => {
    const { resolve, proxy } = await rig({ rules: [silent(/./)], client: SHORT_CONTACT });
    await expect(resolve()).rejects.toMatchObject(withCode('TIMED_OUT'));
    proxy.rules.length = 0;
    expect((await resolve()).digest).toBe(image().digest);
  });
});

describe('a registry that answered has no such deadline', () => {
  test('a body that takes longer', async () => {
    const slow = drip(100, 100);
    const missing = setHeaders({ 'docker-content-digest': undefined });
    const { resolve } = await rig({
      rules: [
        { path: /manifests/, method: 'HEAD', fault: missing },
        { path: /manifests/, method: 'GET', fault: slow },
      ],
      client: { firstContactMs: 300 },
    });
    expect((await resolve()).digest).toBe(image().digest);
  });

  test('tries that take longer', async () => {
    const stall = { path: /blobs/, nth: [2, 3, 4], fault: stallAfter(0) };
    const { layer } = await rig({ rules: [stall], client: { stallMs: 200, firstContactMs: 500 } });
    same(await streamed(await layer()), LAYER);
  });
});
