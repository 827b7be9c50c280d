/** Rules R1 to R16: ranges, redirects to storage, broken and lying transfers. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Traffic } from '#src/registry/pull/second-request.js';
import {
  contentRange,
  corruptAt,
  drip,
  endAfter,
  extraBytes,
  type Fault,
  type FaultRule,
  ignoreRange,
  noAnswer,
  otherRange,
  redirectTo,
  redirectToStorage,
  replaceBody,
  resetAfter,
  setHeaders,
  stallAfter,
  status,
  truncateAfter,
} from '../support/fault-proxy.js';
import { sha256 } from '../support/registry.js';
import { LAYER, SHORT_STALL, same, streamed, useRegistry, withCode } from './harness.js';

const { rig } = useRegistry();
const LAYER_PATH = new RegExp(`/blobs/${sha256(LAYER)}`);
const onLayer = (fault: Fault, nth?: number | number[], at?: 'storage'): FaultRule => ({
  path: LAYER_PATH,
  fault,
  ...(nth !== undefined && { nth }),
  ...(at && { at }),
});

describe('every range is closed and single', () => {
  test('reads and partial streams ask for bytes=a-b, a whole stream for the blob', async () => {
    const { layer, proxy, fetched } = await rig();
    const blob = await layer();
    same(await blob.read(5, 10), LAYER.subarray(5, 15));
    same(await streamed(blob, 7, 1000), LAYER.subarray(7, 1000));
    same(await streamed(blob), LAYER);
    expect(proxy.requests(LAYER_PATH).map((seen) => seen.headers.range)).toEqual([
      'bytes=5-14',
      'bytes=7-999',
      undefined,
    ]);
    expect(fetched()).toBe(10 + 993 + LAYER.length);
  });

  test('nothing is asked for nothing', async () => {
    const { layer, proxy } = await rig();
    const blob = await layer();
    expect(await blob.read(9, 0)).toHaveLength(0);
    expect(await streamed(blob, 9, 9)).toHaveLength(0);
    expect(proxy.requests(LAYER_PATH)).toHaveLength(0);
  });
});

describe('row: answer 200 to a Range', () => {
  test('read on to the place, never taken for the range', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(ignoreRange())] });
    const blob = await layer();
    same(await blob.read(1000, 50), LAYER.subarray(1000, 1050));
    same(await streamed(blob, 100_000, 100_500), LAYER.subarray(100_000, 100_500));
    expect(proxy.requests(LAYER_PATH)).toHaveLength(2);
  });

  test('that ends before the place each time: an error after five tries', async () => {
    const short = { ...ignoreRange(), ...truncateAfter(500) };
    const { layer, proxy } = await rig({ rules: [onLayer(short)] });
    const reading = (await layer()).read(1000, 50);
    await expect(reading).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    expect(proxy.requests(LAYER_PATH)).toHaveLength(5);
  });

  test('after a cold cache ranges are used again', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(ignoreRange(), 1)] });
    const blob = await layer();
    await blob.read(1000, 50);
    same(await blob.read(2000, 50), LAYER.subarray(2000, 2050));
    expect(proxy.requests(LAYER_PATH).map((seen) => seen.status)).toEqual([200, 206]);
  });
});

describe('row: 416, or 206 shorter, elsewhere, or without Content-Range', () => {
  test('416: the blob is asked for whole', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(status(416), 1)] });
    same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
    expect(proxy.requests(LAYER_PATH).map((seen) => seen.headers.range)).toEqual(['bytes=10-19', undefined]);
  });

  test('shorter: the rest is asked for', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(otherRange('bytes=10-14'), 1)] });
    same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
    expect(proxy.requests(LAYER_PATH).map((seen) => seen.headers.range)).toEqual([
      'bytes=10-19',
      'bytes=15-19',
    ]);
  });

  test('longer: only what was asked for is taken', async () => {
    const { layer } = await rig({ rules: [onLayer(otherRange('bytes=10-5000'), 1)] });
    same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
  });

  test('elsewhere once: tried again', async () => {
    const { layer } = await rig({ rules: [onLayer(otherRange('bytes=11-20'), 1)] });
    same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
  });

  test('elsewhere always: an error after two tries', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(otherRange('bytes=11-20'))] });
    const blob = await layer();
    await expect(blob.read(10, 10)).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    await expect(blob.read(10, 10)).rejects.toThrow('got bytes 11-20, want 10-19');
    expect(proxy.requests(LAYER_PATH)).toHaveLength(4);
  });

  test.each([undefined, 'bytes */5', 'nonsense', 'bytes 19-10/500'])(
    'Content-Range %s: read on in the whole blob',
    async (value) => {
      const { layer } = await rig({ rules: [onLayer(contentRange(value), 1)] });
      same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
    },
  );

  test('an unknown total (*) is no fault', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(contentRange('bytes 10-19/*'))] });
    same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
    expect(proxy.requests(LAYER_PATH)).toHaveLength(1);
  });
});

test('row: omit Accept-Ranges, refuse HEAD, send HEAD without length: none of them is needed', async () => {
  const { layer } = await rig({
    rules: [
      { method: 'HEAD', path: /./, fault: status(405) },
      onLayer(setHeaders({ 'accept-ranges': undefined, 'content-length': undefined })),
    ],
  });
  const blob = await layer();
  same(await blob.read(10, 10), LAYER.subarray(10, 20));
  same(await streamed(blob), LAYER);
});

describe('row: redirect to storage', () => {
  test.each([301, 302, 303, 307, 308])(
    '%i is followed without credentials, and the target used again',
    async (code) => {
      const { layer, proxy } = await rig({
        tokens: {},
        rules: [
          onLayer(redirectTo((seen, at) => `${at.storageUrl}${seen.path}?signature=${at.signature}`, code)),
        ],
      });
      const blob = await layer();
      same(await blob.read(10, 10), LAYER.subarray(10, 20));
      same(await streamed(blob, 20, 500), LAYER.subarray(20, 500));
      expect(proxy.requests(LAYER_PATH)).toHaveLength(1);
      const atStorage = proxy.requests(LAYER_PATH, 'storage');
      expect(atStorage.map((seen) => [seen.status, seen.headers.range, seen.headers.authorization])).toEqual([
        [206, 'bytes=10-19', undefined],
        [206, 'bytes=20-499', undefined],
      ]);
      expect(proxy.requests(LAYER_PATH)[0]!.headers.authorization).toMatch(/^Bearer token-/);
    },
  );

  test('relative redirects on the registry keep the credentials', async () => {
    const hop = redirectTo(
      (seen) => `${seen.path.replace(/\?.*/, '')}?hop=${Number(/hop=(\d+)/.exec(seen.path)?.[1] ?? 0) + 1}`,
    );
    const { layer, proxy } = await rig({ tokens: {}, rules: [onLayer(hop, [1, 2, 3])] });
    same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
    expect(
      proxy.requests(LAYER_PATH).every((seen) => seen.headers.authorization?.startsWith('Bearer ')),
    ).toBe(true);
  });

  test('ten redirects are followed, an eleventh is not', async () => {
    const again = redirectTo((seen) => seen.path);
    const ten = Array.from({ length: 10 }, (_, number) => number + 1);
    const { layer } = await rig({ rules: [onLayer(again, ten)] });
    same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
    const endless = await rig({ rules: [onLayer(again)] });
    await expect((await endless.layer()).read(10, 10)).rejects.toThrow('more than 10 redirects');
    expect(endless.proxy.requests(LAYER_PATH)).toHaveLength(11);
  });

  test('a redirect to nowhere says so', async () => {
    const { layer } = await rig({ rules: [onLayer(status(307))] });
    await expect((await layer()).read(0, 1)).rejects.toThrow('without a valid Location');
  });
});

describe('row: sign the redirect for minutes', () => {
  test.each([
    ['403', undefined],
    ['401', status(401)],
    ['410', status(410)],
    ['an XML page with 200', status(200, { 'content-type': 'application/xml' }, '<Error/>')],
  ])('later %s: the registry is asked again, and the read continues', async (_, fault) => {
    const { layer, proxy } = await rig({
      tokens: {},
      rules: [onLayer(redirectToStorage()), ...(fault ? [onLayer(fault, 2, 'storage')] : [])],
    });
    const blob = await layer();
    await blob.read(0, 10);
    if (!fault) proxy.revokeSignatures();
    same(await blob.read(10, 10), LAYER.subarray(10, 20));
    same(await blob.read(20, 10), LAYER.subarray(20, 30));
    expect(proxy.requests(LAYER_PATH)).toHaveLength(2);
    expect(proxy.requests(LAYER_PATH, 'storage')).toHaveLength(4);
  });

  test('a stream whose address expires in the middle resumes at the byte reached', async () => {
    const { layer, proxy } = await rig({
      rules: [onLayer(redirectToStorage()), onLayer(endAfter(50_000), 1, 'storage')],
    });
    const blob = await layer();
    const chunks: Uint8Array[] = [];
    await blob.stream(0, blob.size, (chunk) => {
      if (chunks.length === 0) proxy.revokeSignatures();
      chunks.push(Uint8Array.from(chunk));
    });
    same(Buffer.concat(chunks), LAYER);
    expect(proxy.requests(LAYER_PATH, 'storage').map((seen) => seen.status)).toEqual([200, 403, 206]);
  });

  test('no signature in a message', async () => {
    const { layer } = await rig({
      rules: [onLayer(redirectToStorage()), onLayer(status(404), undefined, 'storage')],
    });
    const error = await (await layer()).read(0, 10).then(() => undefined, String);
    expect(error).toMatch(/got 404 from localhost:\d+, want 206/);
    expect(error).not.toContain('signature');
  });
});

describe('row: 5xx, HTML bodies, 100 MB error bodies, HTTP 200 login pages', () => {
  test.each([500, 502, 503, 504])('%i is tried five times with growing, jittered waits', async (code) => {
    const { layer, proxy, clock } = await rig({ rules: [onLayer(status(code))] });
    await expect((await layer()).read(0, 10)).rejects.toThrow(`got ${code}`);
    expect(proxy.requests(LAYER_PATH)).toHaveLength(5);
    expect(clock.slept).toEqual([187.5, 375, 750, 1500]);
  });

  test('and works when the fifth try does', async () => {
    const { layer } = await rig({ rules: [onLayer(status(503), [1, 2, 3, 4])] });
    same(await (await layer()).read(0, 10), LAYER.subarray(0, 10));
  });

  test('a manifest too', async () => {
    const { resolve, proxy } = await rig({
      rules: [{ method: 'GET', path: /manifests/, fault: status(502), nth: [1, 2] }],
    });
    await resolve();
    expect(proxy.requests(/manifests/).filter((seen) => seen.method === 'GET')).toHaveLength(3);
  });

  test('of a huge error body 64 KiB are read, and a page is not quoted', async () => {
    // It never ends: a reader of the whole body would wait until it stalls.
    const body = Buffer.from(`<html>${'x'.repeat(200_000)}`);
    const page: Fault = {
      instead: () => ({
        status: 418,
        headers: { 'content-type': 'text/html' },
        body,
        cut: { after: 100_000, how: 'stall' },
      }),
    };
    const { layer } = await rig({ rules: [onLayer(page)] });
    const blob = await layer();
    const error = await blob.read(0, 10).then(() => undefined, String);
    expect(error).toMatch(/got 418/);
    expect(error?.length).toBeLessThan(200);
  });

  test('the registry’s words are quoted in one printable line', async () => {
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'go\n\u001b[31maway' }] });
    const { layer } = await rig({
      rules: [onLayer(status(403, { 'content-type': 'application/json' }, body))],
    });
    await expect((await layer()).read(0, 10)).rejects.toThrow('want 206: DENIED: go [31maway');
  });

  test('a login page is no manifest and no layer', async () => {
    const page = replaceBody('<html>log in</html>', {
      'content-type': 'text/html',
      'docker-content-digest': undefined,
    });
    const manifest = await rig({ rules: [{ path: /manifests/, fault: page }] });
    await expect(manifest.resolve()).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    await expect(manifest.resolve()).rejects.toThrow('got text/html');
    const config = await rig({ rules: [{ path: /blobs/, fault: page }] });
    await expect(config.resolve()).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    await expect(config.resolve()).rejects.toThrow('got text/html');
    const { layer } = await rig({ rules: [onLayer(status(200, { 'content-type': 'text/html' }, '<html>'))] });
    await expect((await layer()).read(0, 10)).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
  });
});

describe('row: reset or end a body early, stall it, drip it', () => {
  test.each([
    ['reset', resetAfter(70_000), false],
    ['ended', endAfter(70_000), true],
    ['ended as if whole', truncateAfter(70_000), true],
    ['stalled', stallAfter(70_000), false],
  ])('%s: the stream resumes at the byte reached', async (_, fault, arrives) => {
    const { layer, proxy } = await rig({
      rules: [onLayer(fault, [1, 2])],
      client: arrives ? {} : SHORT_STALL,
    });
    const blob = await layer();
    same(await streamed(blob), LAYER);
    const ranges = proxy.requests(LAYER_PATH).map((seen) => seen.headers.range);
    expect(ranges.length).toBeGreaterThanOrEqual(3);
    expect(ranges[0]).toBeUndefined();
    // A reset may overtake bytes that were sent, and a busy machine may stall again. An end loses
    // nothing.
    const rest = (from: number) => `bytes=${from}-${LAYER.length - 1}`;
    if (arrives) expect(ranges.slice(1)).toEqual([rest(70_000), rest(140_000)]);
  });

  test.each([
    ['reset', resetAfter(4)],
    ['ended', endAfter(4)],
    ['ended as if whole', truncateAfter(4)],
    ['stalled', stallAfter(4)],
    ['reset before the first byte', resetAfter(0)],
    ['ended before the first byte', truncateAfter(0)],
  ])('%s: a read is made whole', async (_, fault) => {
    const { layer } = await rig({ rules: [onLayer(fault, 1)], client: SHORT_STALL });
    same(await (await layer()).read(10, 10), LAYER.subarray(10, 20));
  });

  test('silence is reported', async () => {
    const { layer, notices } = await rig({ rules: [onLayer(stallAfter(4), 1)], client: SHORT_STALL });
    await (await layer()).read(10, 10);
    expect(notices[0]).toMatch(/no byte for 0\.3 s: try 2 of 5$/);
  });

  describe('a second request for bytes that do not come', () => {
    const SECOND = { secondRequestMs: 100 };

    test.each([
      ['before its first byte', 0],
      ['in the middle of its body', 70_000],
    ])('goes on where the first one fell silent %s, which is cancelled', async (_, after) => {
      const { layer, proxy, fetched } = await rig({ rules: [onLayer(stallAfter(after), 1)], client: SECOND });
      same(await streamed(await layer()), LAYER);
      const ranges = proxy.requests(LAYER_PATH).map((seen) => seen.headers.range);
      expect(ranges).toEqual([undefined, after === 0 ? undefined : `bytes=${after}-${LAYER.length - 1}`]);
      expect(fetched()).toBe(LAYER.length);
    });

    test('each time the better one falls silent too', async () => {
      const { layer, proxy } = await rig({ rules: [onLayer(stallAfter(50_000), [1, 2, 3])], client: SECOND });
      same(await streamed(await layer()), LAYER);
      expect(proxy.requests(LAYER_PATH)).toHaveLength(4);
    });

    test('the first answer wins: one that was only slow', async () => {
      const { layer, fetched } = await rig({
        rules: [onLayer(drip(60_000, 400), 1), onLayer(stallAfter(0), 1)],
        client: SECOND,
      });
      same(await (await layer()).read(10, 50_000), LAYER.subarray(10, 50_010));
      expect(fetched()).toBe(50_000);
    });

    test('is not made while the receiver is busy', async () => {
      const { layer, proxy } = await rig({ client: SECOND });
      const parts: Buffer[] = [];
      await (await layer()).stream(0, LAYER.length, async (chunk) => {
        if (parts.push(Buffer.from(chunk)) === 1) await new Promise((resolve) => setTimeout(resolve, 300));
      });
      same(Buffer.concat(parts), LAYER);
      expect(proxy.requests(LAYER_PATH)).toHaveLength(1);
    });

    test('is not made when the registry serves nobody', async () => {
      const { layer, proxy } = await rig({
        rules: [onLayer(stallAfter(0))],
        client: { ...SECOND, stallMs: 1_000, readDeadlineMs: 700 },
      });
      const blob = await layer();
      const both = await Promise.allSettled([blob.read(0, 10), blob.read(100, 10)]);
      expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(proxy.requests(LAYER_PATH)).toHaveLength(2);
    });

    test('is made when it serves others', async () => {
      const { layer, proxy } = await rig({ rules: [onLayer(stallAfter(0), 1)], client: SECOND });
      const blob = await layer();
      const silent = blob.read(0, 10);
      await vi.waitFor(() => expect(proxy.requests(LAYER_PATH)).toHaveLength(1));
      same(await blob.read(100, 10), LAYER.subarray(100, 110));
      same(await silent, LAYER.subarray(0, 10));
      expect(proxy.requests(LAYER_PATH)).toHaveLength(3);
    });

    test('an abort ends both', async () => {
      const { layer, proxy } = await rig({ rules: [onLayer(stallAfter(0))], client: SECOND });
      const aborter = new AbortController();
      const reading = (await layer()).read(0, 10, aborter.signal);
      await vi.waitFor(() => expect(proxy.requests(LAYER_PATH)).toHaveLength(2));
      aborter.abort(new Error('not wanted'));
      await expect(reading).rejects.toMatchObject({ message: 'not wanted' });
    });

    test('is made once for each try, so that five silent tries fail', async () => {
      const { layer, proxy, notices } = await rig({
        rules: [onLayer(stallAfter(0))],
        client: { ...SECOND, ...SHORT_STALL },
      });
      await expect(streamed(await layer())).rejects.toMatchObject(withCode('TIMED_OUT'));
      expect(proxy.requests(LAYER_PATH)).toHaveLength(10);
      expect(notices.map((notice) => /try \d of 5/.exec(notice)?.[0])).toEqual([
        'try 2 of 5',
        'try 3 of 5',
        'try 4 of 5',
        'try 5 of 5',
      ]);
    });

    test('leaves the first one running while it brings only bytes that are skipped', async () => {
      const skipped = { ...ignoreRange(), ...stallAfter(50_000) };
      const { layer, proxy } = await rig({
        rules: [onLayer(drip(60_000, 250), 1), onLayer(noAnswer(), 1), onLayer(skipped)],
        client: SECOND,
      });
      same(await streamed(await layer()), LAYER);
      // Two silences, until it is known that ranges are ignored.
      expect(proxy.requests(LAYER_PATH)).toHaveLength(3);
    });

    test('is not made when ranges are ignored', async () => {
      const slow = { ...ignoreRange(), ...drip(60_000, 250) };
      const { layer, proxy } = await rig({
        rules: [onLayer(ignoreRange(), 1), onLayer(slow)],
        client: SECOND,
      });
      const blob = await layer();
      await blob.read(1000, 50);
      same(await blob.read(150_000, 10), LAYER.subarray(150_000, 150_010));
      expect(proxy.requests(LAYER_PATH)).toHaveLength(2);
      same(await streamed(blob), LAYER);
      expect(proxy.requests(LAYER_PATH)).toHaveLength(3);
    });

    test('keeps the storage address of the one that is cancelled', async () => {
      const { layer, proxy } = await rig({
        rules: [onLayer(redirectToStorage()), onLayer(noAnswer(), 2, 'storage')],
        client: SECOND,
      });
      const blob = await layer();
      for (const at of [0, 10, 20]) same(await blob.read(at, 10), LAYER.subarray(at, at + 10));
      expect(proxy.requests(LAYER_PATH)).toHaveLength(1);
      expect(proxy.requests(LAYER_PATH, 'storage')).toHaveLength(4);
    });

    describe('of which both fail', () => {
      const { signal: unaborted } = new AbortController();
      const OPTIONS = { afterMs: 20, canRepeat: () => true, onSecond() {}, signal: unaborted };

      test('ends with the error of the first', async () => {
        let requests = 0;
        const sending = new Traffic().send(OPTIONS, async (_, signal) => {
          const message = `failed: ${++requests}`;
          await sleep(150, undefined, { signal });
          throw new Error(message);
        });
        await expect(sending).rejects.toThrow('failed: 1');
        expect(requests).toBe(2);
      });

      test('ends with the error of the second if that brought bytes', async () => {
        let requests = 0;
        let firstFailed = false;
        const sending = new Traffic().send(OPTIONS, async (runner) => {
          if (++requests === 1) {
            await vi.waitFor(() => expect(requests).toBe(2));
            firstFailed = true;
            throw new Error('failed: 1');
          }
          await vi.waitFor(() => expect(firstFailed).toBe(true));
          expect(runner.claim()).toBe(true);
          await sleep(100); // long enough for another request
          throw new Error('failed: 2');
        });
        await expect(sending).rejects.toThrow('failed: 2');
        expect(requests).toBe(2);
      });
    });
  });

  test('dripped bytes are no stall', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(drip(50_000, 20))] });
    same(await streamed(await layer()), LAYER);
    expect(proxy.requests(LAYER_PATH)).toHaveLength(1);
  });

  test('a read that only drips ends at its deadline, other requests continue', async () => {
    const { layer } = await rig({
      rules: [onLayer(drip(1, 20), 1)],
      client: { readDeadlineMs: 1_000 },
    });
    const blob = await layer();
    const slow = expect(blob.read(0, 100_000)).rejects.toMatchObject(withCode('TIMED_OUT'));
    same(await blob.read(5, 10), LAYER.subarray(5, 15));
    await slow;
  });

  test('a body that never begins: TIMED_OUT after five tries', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(stallAfter(0))], client: SHORT_STALL });
    await expect((await layer()).read(0, 10)).rejects.toMatchObject(withCode('TIMED_OUT'));
    expect(proxy.requests(LAYER_PATH)).toHaveLength(5);
  });
});

describe('row: send more than the descriptor says, or other bytes', () => {
  test.each([
    ['Content-Length', extraBytes(10)],
    ['body without length', extraBytes(10, { chunked: true })],
  ])('%s: refused after one more try', async (_, fault) => {
    const { layer, proxy } = await rig({ rules: [onLayer(fault)] });
    const blob = await layer();
    await expect(streamed(blob)).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
    expect(proxy.requests(LAYER_PATH).length).toBeLessThanOrEqual(2);
  });

  test('Content-Range total: refused after one more try', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(contentRange(`bytes 0-9/${LAYER.length + 1}`))] });
    await expect((await layer()).read(0, 10)).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
    expect(proxy.requests(LAYER_PATH)).toHaveLength(2);
  });

  test('a range’s body that is longer than its Content-Range is not taken', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(extraBytes(10, { chunked: true }), 1)] });
    same(await (await layer()).read(0, 10), LAYER.subarray(0, 10));
    expect(proxy.requests(LAYER_PATH)).toHaveLength(2);
  });

  test('a manifest with a wrong byte: one more try, from another connection', async () => {
    const fault = (nth?: number): FaultRule => ({
      method: 'GET',
      path: /manifests/,
      fault: corruptAt(5),
      ...(nth && { nth }),
    });
    const once = await rig({ rules: [fault(1)] });
    await once.resolve();
    const always = await rig({ rules: [fault()] });
    await expect(always.resolve()).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
    expect(always.proxy.requests(/manifests/).filter((seen) => seen.method === 'GET')).toHaveLength(2);
  });

  test('a config with a wrong byte, or more bytes', async () => {
    for (const fault of [corruptAt(5), extraBytes(1), extraBytes(1, { chunked: true })]) {
      const { resolve } = await rig({ rules: [{ path: /blobs/, fault }] });
      await expect(resolve()).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
    }
  });
});

test('row: Content-Encoding on stored gzip is ignored, identity is asked for', async () => {
  const { layer, proxy } = await rig({ rules: [onLayer(setHeaders({ 'content-encoding': 'x-gzip' }))] });
  same(await streamed(await layer()), LAYER);
  expect(proxy.seen.every((seen) => seen.headers['accept-encoding'] === 'identity')).toBe(true);
});

describe('row: go away while mounted', () => {
  test('what was open fails in time, and works again when the registry is back', async () => {
    const { layer, proxy } = await rig();
    const blob = await layer();
    await blob.read(0, 10);
    const down = onLayer({
      instead: () => {
        throw new Error('down');
      },
    });
    proxy.rules.push(down);
    proxy.cutConnections();
    await expect(blob.read(0, 10)).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    await expect(streamed(blob)).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    proxy.rules.length = 0;
    same(await blob.read(0, 10), LAYER.subarray(0, 10));
    same(await streamed(blob), LAYER);
  });

  test('storage that went away: the registry names another place', async () => {
    const { layer, proxy } = await rig({ rules: [onLayer(redirectToStorage(), 1)] });
    const blob = await layer();
    await blob.read(0, 10);
    proxy.rules.unshift(
      onLayer(
        {
          instead: () => {
            throw new Error('down');
          },
        },
        undefined,
        'storage',
      ),
    );
    same(await blob.read(0, 10), LAYER.subarray(0, 10));
  });

  test('a pooled socket that died in its sleep costs no wait', async () => {
    const { layer, proxy, clock } = await rig();
    const blob = await layer();
    proxy.rules.push(
      onLayer(
        {
          instead: () => {
            throw new Error('down');
          },
        },
        1,
      ),
    );
    same(await blob.read(0, 10), LAYER.subarray(0, 10));
    expect(clock.slept).toEqual([0]);
  });
});

test('whatever goes wrong, the bytes are right or there is an error', async () => {
  const { source, resolve, proxy, clock } = await rig();
  const image = await resolve();
  const offset = fc.nat(LAYER.length - 1);
  const fault = fc.oneof(
    fc.constantFrom<Fault>(status(503), status(416), status(404), ignoreRange(), contentRange(undefined)),
    fc.constantFrom<Fault>(redirectToStorage(), extraBytes(7), extraBytes(7, { chunked: true })),
    offset.map((at) => otherRange(`bytes=${at}-${Math.min(LAYER.length - 1, at + 1000)}`)),
    offset.map((at) => endAfter(at)),
    offset.map((at) => truncateAfter(at)),
  );
  let right = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fault, { maxLength: 4 }),
      offset,
      offset,
      fc.boolean(),
      async (faults, a, b, asRead) => {
        // Each rule is used up by one request, in order.
        proxy.rules.splice(0, proxy.rules.length, ...faults.map((one) => onLayer(one, 1)));
        const blob = source.open(image, image.manifest.layers[0]!);
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        clock.time += 600_000;
        const reading = asRead ? blob.read(start, end - start) : streamed(blob, start, end);
        const found = await reading.catch((error: unknown) => {
          expect(error).toMatchObject({
            code: expect.stringMatching(/^(REGISTRY_UNAVAILABLE|NOT_FOUND|DIGEST_MISMATCH)$/),
          });
          return undefined;
        });
        if (!found) return;
        right++;
        same(found, LAYER.subarray(start, end));
      },
    ),
    { numRuns: 60 },
  );
  expect(right).toBeGreaterThan(10);
});

describe('sockets', () => {
  test('are used again, also after a HEAD and after the registry closed one', async () => {
    const { layer, proxy } = await rig();
    const blob = await layer();
    const reads = async () => {
      for (let at = 0; at < 20; at++) await blob.read(at, 10);
    };
    await reads();
    expect(proxy.connections).toBeLessThanOrEqual(3);
    for (let round = 0; round < 3; round++) {
      proxy.cutConnections();
      await reads();
    }
    expect(proxy.connections).toBeLessThanOrEqual(12);
    await Promise.all(Array.from({ length: 100 }, (_, at) => blob.read(at, 10)));
    expect(proxy.connections).toBeLessThanOrEqual(12 + 32);
  });
});

describe('a stream', () => {
  test.each([
    ['is reset', resetAfter(100_000)],
    ['ends early', endAfter(100_000)],
  ])('that %s resumes when its reader is done with the bytes before, not earlier', async (_, fault) => {
    const { layer } = await rig({ rules: [onLayer(fault, 1)] });
    const blob = await layer();
    const chunks: Uint8Array[] = [];
    let busy = false;
    await blob.stream(0, blob.size, async (chunk) => {
      expect(busy).toBe(false);
      busy = true;
      chunks.push(Uint8Array.from(chunk));
      // Long enough for the connection to break meanwhile. A shorter wait could only hide a fault
      // of ours.
      await new Promise((resolve) => setTimeout(resolve, 100));
      busy = false;
    });
    same(Buffer.concat(chunks), LAYER);
  });

  test('hands out nothing more while its consumer is busy', async () => {
    const { layer } = await rig();
    const blob = await layer();
    let busy = false;
    let received = 0;
    await blob.stream(0, blob.size, async (chunk) => {
      expect(busy).toBe(false);
      busy = true;
      const copy = Buffer.from(chunk);
      await new Promise((resolve) => setImmediate(resolve));
      expect(copy.equals(chunk)).toBe(true);
      received += chunk.length;
      busy = false;
    });
    expect(received).toBe(LAYER.length);
  });

  test.each([
    [
      'at once',
      () => {
        throw new Error('no more');
      },
    ],
    ['later', () => Promise.reject(new Error('no more'))],
  ])('ends with its consumer’s own error, thrown %s', async (_, onChunk) => {
    const { layer, proxy } = await rig();
    const blob = await layer();
    const ending = await blob.stream(0, blob.size, onChunk).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(ending).toEqual(new Error('no more'));
    expect(proxy.requests(LAYER_PATH)).toHaveLength(1);
  });

  test('and a read end when they are aborted, and say so', async () => {
    const { layer } = await rig({ rules: [onLayer(stallAfter(10))] });
    const blob = await layer();
    const controller = new AbortController();
    const ended = [
      blob.stream(0, blob.size, () => controller.abort(), controller.signal),
      blob.read(0, 100, controller.signal),
    ].map((ending) => expect(ending).rejects.toMatchObject(withCode('ABORTED')));
    await Promise.all(ended);
    await expect(blob.read(0, 1, controller.signal)).rejects.toMatchObject(withCode('ABORTED'));
  });

  test('and a read end when the source is closed', async () => {
    const { layer, source } = await rig({ rules: [onLayer(stallAfter(10))] });
    const blob = await layer();
    const reading = expect(blob.read(0, 100)).rejects.toMatchObject(withCode('ABORTED'));
    const streaming = blob.stream(0, blob.size, () => void source.close());
    await expect(streaming).rejects.toMatchObject(withCode('ABORTED'));
    await reading;
    await expect(blob.read(0, 1)).rejects.toMatchObject(withCode('ABORTED'));
  });
});
