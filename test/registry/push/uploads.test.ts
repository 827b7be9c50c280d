/** Rules P1 to P5: blobs, manifests and deletions, on a real registry behind faults. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Digest } from '#src/oci/digest.js';
import type { BlobSource, RegistryClient } from '#src/registry/registry-client.js';
import {
  type Fault,
  type FaultRule,
  lostAnswer,
  noAnswer,
  redirectTo,
  resetAfter,
  type SeenRequest,
  setHeaders,
  status,
} from '../../support/fault-proxy.js';
import { OCI_MANIFEST, sha256 } from '../../support/registry.js';
import { REPOSITORY, type Rig, type RigOptions, SHORT_STALL, same, useRegistry } from '../harness.js';

const MIB = 1024 * 1024;
const { rig, image } = useRegistry();
const never = () => new AbortController().signal;
const UPLOADS = /\/blobs\/uploads\//;

interface Uploader extends Rig {
  client: RegistryClient;
  put(source: BlobSource, mountFrom?: string): Promise<'exists' | 'mounted' | 'uploaded'>;
  /** What the registry has of the blob. */
  stored(source: BlobSource): Promise<Uint8Array>;
}

async function uploader(options: RigOptions = {}): Promise<Uploader> {
  const opened = await rig(options);
  const client = opened.source.client(opened.proxy.host);
  return {
    ...opened,
    client,
    put: (source, mountFrom) => client.writer(REPOSITORY).putBlob(source, { mountFrom, signal: never() }),
    stored: ({ digest, size }) =>
      client.openBlob(REPOSITORY, { mediaType: '', digest, size }).read(0, size, never()),
  };
}

function source(bytes: Uint8Array, digest = sha256(bytes) as Digest): BlobSource {
  return {
    digest,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

const asked = (seen: readonly SeenRequest[]) =>
  seen.map(
    ({ method, path }) =>
      `${method} ${path.replace(/^\/v2\/.*\/(blobs\/uploads|blobs|manifests)\/.*$/, '$1')}`,
  );
/** What was sent in the session's requests. */
const sent = (seen: readonly SeenRequest[]) =>
  seen.filter(({ method }) => method === 'PATCH' || method === 'PUT').map(({ sentBytes }) => sentBytes);
const onPut = (fault: Fault, nth?: FaultRule['nth']): FaultRule => ({
  method: 'PUT',
  path: UPLOADS,
  fault,
  ...(nth !== undefined && { nth }),
});
const onPatch = (fault: Fault, nth?: FaultRule['nth']): FaultRule => ({
  ...onPut(fault, nth),
  method: 'PATCH',
});
/** Makes the client send chunks of 1 MiB. */
const tooLarge = onPut(status(413), 1);

describe('a blob', () => {
  test('goes in one request, and not again when it is there', async () => {
    const { put, stored, proxy } = await uploader();
    const bytes = randomBytes(200_001);
    expect(await put(source(bytes))).toBe('uploaded');
    expect(asked(proxy.seen)).toEqual(['HEAD blobs', 'POST blobs/uploads', 'PUT blobs/uploads']);
    same(await stored(source(bytes)), bytes);
    expect(await put(source(bytes))).toBe('exists');
    expect(proxy.requests(UPLOADS)).toHaveLength(2);
  });

  test('of no bytes', async () => {
    const { put, client } = await uploader();
    expect(await put(source(new Uint8Array(0)))).toMatch(/uploaded|exists/);
    expect(await client.writer(REPOSITORY).putBlob(source(new Uint8Array(0)), { signal: never() })).toBe(
      'exists',
    );
  });

  test('goes in chunks when it is large, each of which is confirmed', async () => {
    const { put, stored, proxy } = await uploader();
    const bytes = randomBytes(17 * MIB);
    await put(source(bytes));
    expect(sent(proxy.seen)).toEqual([16 * MIB, MIB, 0]);
    expect(proxy.requests(UPLOADS).map(({ headers }) => headers['content-range'])).toEqual([
      undefined,
      `0-${16 * MIB - 1}`,
      `${16 * MIB}-${17 * MIB - 1}`,
      undefined,
    ]);
    same(await stored(source(bytes)), bytes);
  });

  test('goes in small chunks when its body is too large for the registry', async () => {
    const { put, stored, proxy } = await uploader({ rules: [tooLarge] });
    const bytes = randomBytes(2.5 * MIB);
    await put(source(bytes));
    expect(sent(proxy.seen)).toEqual([2.5 * MIB, MIB, MIB, MIB / 2, 0]);
    same(await stored(source(bytes)), bytes);
  });

  test('goes at once when the registry takes no chunks', async () => {
    const { put, stored, proxy } = await uploader({ rules: [onPatch(status(405))] });
    const bytes = randomBytes(17 * MIB);
    await put(source(bytes));
    expect(sent(proxy.seen)).toEqual([16 * MIB, 17 * MIB]);
    same(await stored(source(bytes)), bytes);
  });

  test('goes in chunks of the registry’s least length', async () => {
    const least: FaultRule = {
      method: 'POST',
      path: UPLOADS,
      fault: setHeaders({ 'oci-chunk-min-length': String(18 * MIB) }),
    };
    const { put, proxy } = await uploader({ rules: [least] });
    await put(source(randomBytes(19 * MIB)));
    expect(sent(proxy.seen)).toEqual([18 * MIB, MIB, 0]);
  });

  const locations: [string, (location: string) => string][] = [
    ['relative', (location) => location.replace(/^http:\/\/[^/]*/, '')],
    ['relative to its path', (location) => `./${location.slice(location.lastIndexOf('/') + 1)}`],
    ['of another scheme', (location) => location.replace(/^http:/, 'https:')],
    ['with a signed query', (location) => `${location}&sig=a%2Bb+c~%20d`],
  ];
  test.each(locations)('whose location is %s', async (_, change) => {
    const fault: Fault = {
      change: (answer) => ({
        ...answer,
        headers: { ...answer.headers, location: change(String(answer.headers.location)) },
      }),
    };
    const { put, stored, proxy } = await uploader({ rules: [{ method: 'POST', path: UPLOADS, fault }] });
    const bytes = randomBytes(1000);
    await put(source(bytes));
    same(await stored(source(bytes)), bytes);
    const { path } = proxy.requests(UPLOADS).at(-1)!;
    expect(path).toMatch(/&digest=sha256%3A[0-9a-f]{64}$/);
    if (_.includes('signed')) expect(path).toContain('&sig=a%2Bb+c~%20d&');
  });

  test('without a location is an error, at once', async () => {
    const rules = [{ method: 'POST', path: UPLOADS, fault: setHeaders({ location: undefined }) }];
    const { put, proxy } = await uploader({ rules });
    await expect(put(source(randomBytes(10)))).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('no valid Location'),
    });
    expect(proxy.requests(UPLOADS)).toHaveLength(1);
  });
});

describe('a fault in an upload', () => {
  const faults: [string, Fault][] = [
    ['is reset', noAnswer('reset')],
    ['is lost after it took effect', lostAnswer()],
    ['is 503', status(503)],
    ['is 429', status(429)],
    ['is 416', status(416)],
    ['stalls', noAnswer('silence')],
    ['is cut in its answer', resetAfter(0)],
  ];
  test.each(faults.filter(([name]) => !name.includes('lost')))(
    'of a chunk that %s: continues where the session is',
    async (_, fault) => {
      const { put, stored, proxy } = await uploader({
        rules: [tooLarge, onPatch(fault, 2)],
        client: SHORT_STALL,
      });
      const bytes = randomBytes(2.5 * MIB);
      await put(source(bytes));
      same(await stored(source(bytes)), bytes);
      const again = sent(proxy.seen)
        .slice(1)
        .reduce((sum, count) => sum + count, 0);
      expect(again).toBeLessThanOrEqual(3.5 * MIB);
      expect(asked(proxy.seen).filter((one) => one.startsWith('POST'))).toHaveLength(1);
    },
  );

  test('of a chunk whose answer is lost: continues, or begins again', async () => {
    // docker-registry refuses the location from before the chunk, for questions too.
    const { put, stored, proxy } = await uploader({ rules: [tooLarge, onPatch(lostAnswer(), 2)] });
    const bytes = randomBytes(2.5 * MIB);
    await put(source(bytes));
    same(await stored(source(bytes)), bytes);
    expect(asked(proxy.seen).filter((one) => one.startsWith('POST'))).toHaveLength(2);
  });

  test.each(faults.filter(([name]) => name !== 'is 416'))(
    'of the whole that %s: ends, with the bytes there once',
    async (_, fault) => {
      const { put, stored, proxy } = await uploader({ rules: [onPut(fault, 1)], client: SHORT_STALL });
      const bytes = randomBytes(300_000);
      await put(source(bytes));
      same(await stored(source(bytes)), bytes);
      expect(sent(proxy.seen).length).toBeLessThanOrEqual(3);
    },
  );

  test('that ends the session: another one begins', async () => {
    const { put, stored, proxy } = await uploader({ rules: [tooLarge, onPatch(status(404), 2)] });
    const bytes = randomBytes(2.5 * MIB);
    await put(source(bytes));
    same(await stored(source(bytes)), bytes);
    expect(sent(proxy.seen)).toEqual([2.5 * MIB, MIB, MIB, MIB, MIB, MIB / 2, 0]);
  });

  test('that ends each session after a chunk: gives up', async () => {
    const evens = Array.from({ length: 50 }, (_, i) => 2 * (i + 1));
    const { put, proxy } = await uploader({ rules: [tooLarge, { ...onPatch(status(404)), nth: evens }] });
    await expect(put(source(randomBytes(2.5 * MIB)))).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(proxy.requests(UPLOADS).filter(({ method }) => method === 'PATCH').length).toBeLessThan(20);
  });

  test('again and again: gives up, with back-off', async () => {
    const { put, proxy, clock } = await uploader({ rules: [onPut(status(503))] });
    await expect(put(source(randomBytes(10)))).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(asked(proxy.seen).filter((one) => one.startsWith('PUT'))).toHaveLength(5);
    expect(clock.slept).toHaveLength(4);
  });

  test('of a session that claims bytes which were not sent: begins again', async () => {
    const lie = onPatch(setHeaders({ range: '0-99999999' }), 1);
    const { put, stored } = await uploader({ rules: [tooLarge, lie] });
    const bytes = randomBytes(1.5 * MIB);
    await put(source(bytes));
    same(await stored(source(bytes)), bytes);
  });

  test('of a session that never grows: ends', async () => {
    const lie = onPatch(setHeaders({ range: '0-0' }));
    const { put } = await uploader({ rules: [tooLarge, lie] });
    await expect(put(source(randomBytes(1.5 * MIB)))).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
  });

  test('of the digest: the bytes are not sent again', async () => {
    const { put, proxy } = await uploader();
    const wrong = source(randomBytes(1000), sha256('others') as Digest);
    await expect(put(wrong)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(sent(proxy.seen)).toEqual([1000]);
  });

  test('of a registry that stored something else', async () => {
    const rules = [onPut(setHeaders({ 'docker-content-digest': sha256('others') }))];
    const { put, proxy } = await uploader({ rules });
    await expect(put(source(randomBytes(1000)))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(sent(proxy.seen)).toEqual([1000]);
  });

  test('of the source is its own, and ends the upload', async () => {
    const { put } = await uploader();
    const broken: BlobSource = {
      digest: sha256('x') as Digest,
      size: 1,
      read: async () => Promise.reject(new Error('the disk is gone')),
    };
    await expect(put(broken)).rejects.toThrow('the disk is gone');
  });

  test('ends when the caller aborts', async () => {
    const { client, proxy } = await uploader({ rules: [onPut(noAnswer())] });
    const controller = new AbortController();
    const putting = client.writer(REPOSITORY).putBlob(source(randomBytes(10)), { signal: controller.signal });
    await expect.poll(() => asked(proxy.seen)).toContain('PUT blobs/uploads');
    controller.abort(new Error('enough'));
    await expect(putting).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a mount', () => {
  test('takes no bytes when the other repository has the blob', async () => {
    const { client, put, proxy } = await uploader();
    const bytes = randomBytes(5000);
    await put(source(bytes));
    const other = client.writer('library/mounted');
    expect(await other.putBlob(source(bytes), { mountFrom: REPOSITORY, signal: never() })).toBe('mounted');
    expect(sent(proxy.requests(/mounted/))).toEqual([]);
  });

  test('that is not possible is an ordinary upload, in the session that is open', async () => {
    const { client, proxy } = await uploader();
    const other = client.writer('library/mounted');
    const bytes = randomBytes(5000);
    expect(await other.putBlob(source(bytes), { mountFrom: REPOSITORY, signal: never() })).toBe('uploaded');
    expect(asked(proxy.requests(/mounted/))).toEqual([
      'HEAD blobs',
      'POST blobs/uploads',
      'PUT blobs/uploads',
    ]);
  });

  test('that is refused is an ordinary upload', async () => {
    const { client } = await uploader({ rules: [{ method: 'POST', path: /mount=/, fault: status(403) }] });
    const other = client.writer('library/mounted');
    const how = await other.putBlob(source(randomBytes(50)), { mountFrom: REPOSITORY, signal: never() });
    expect(how).toBe('uploaded');
  });
});

describe('authorization of writes', () => {
  const scopes = ({ proxy }: Rig) =>
    proxy.requests(/^\/token/).map(({ path }) => new URL(path, 'http://x').searchParams.getAll('scope'));

  test('asks for the push scope once, and for the mounted repository', async () => {
    const opened = await uploader({ tokens: {} });
    await opened.put(source(randomBytes(10)));
    expect(scopes(opened)).toEqual([[`repository:${REPOSITORY}:pull,push`, `repository:${REPOSITORY}:pull`]]);
    await opened.put(source(randomBytes(11)), 'library/other');
    expect(scopes(opened)[1]).toEqual([
      `repository:${REPOSITORY}:pull,push`,
      'repository:library/other:pull',
      `repository:${REPOSITORY}:pull`,
    ]);
  });

  test('asks for the delete scope', async () => {
    const opened = await uploader({ tokens: {} });
    expect(await opened.client.writer(REPOSITORY).deleteManifest(sha256('none') as Digest, never())).toBe(
      false,
    );
    expect(scopes(opened)[0]).toContain(`repository:${REPOSITORY}:pull,delete`);
  });

  test.each([401, 403])('a %i is UNAUTHORIZED, and names the scope', async (code) => {
    const { put } = await uploader({ rules: [{ path: UPLOADS, fault: status(code) }] });
    await expect(put(source(randomBytes(10)))).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining(`this needs the scope repository:${REPOSITORY}:pull,push`),
    });
  });

  test('an account without push rights may still read', async () => {
    const refused: FaultRule = {
      path: UPLOADS,
      fault: status(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token"' }),
    };
    const stored = { auths: {} as Record<string, object> };
    const opened = await uploader({
      rules: [refused],
      tokens: { accepts: (authorization) => authorization !== undefined },
      client: { environment: { DOCKER_AUTH_CONFIG: '' } },
    });
    stored.auths[opened.proxy.host] = { auth: Buffer.from('ali:secret').toString('base64') };
    refused.fault = status(401, { 'www-authenticate': `Bearer realm="${opened.proxy.url}/token"` });
    const environment = { DOCKER_AUTH_CONFIG: JSON.stringify(stored) };
    const { proxy } = opened;
    const one = opened.another({ environment });
    const writer = one.client(proxy.host).writer(REPOSITORY);
    await expect(writer.putBlob(source(randomBytes(9)), { signal: never() })).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
    const found = await one.resolve(opened.reference, { os: 'linux', architecture: 'amd64' });
    expect(found.digest).toBe(image().digest);
    expect(opened.notices.join()).not.toContain('trying without');
  });
});

describe('an upload that leads to another host', () => {
  const CREDENTIALS = { username: 'ali', password: 'open sesame' };
  const ofStorage = ({ proxy }: Rig) => proxy.requests(/./, 'storage');

  test('by its location: goes there without credentials', async () => {
    const elsewhere: Fault = {
      change: (answer) => ({
        ...answer,
        headers: {
          ...answer.headers,
          location: `${where}${new URL(String(answer.headers.location), 'http://x').pathname}${new URL(String(answer.headers.location), 'http://x').search}&signature=signature-1`,
        },
      }),
    };
    let where = '';
    const opened = await uploader({
      rules: [{ method: 'POST', path: UPLOADS, fault: elsewhere }],
      tokens: {},
      client: CREDENTIALS,
    });
    where = opened.proxy.storageUrl;
    const bytes = randomBytes(1000);
    await opened.put(source(bytes));
    same(await opened.stored(source(bytes)), bytes);
    expect(asked(ofStorage(opened))).toEqual(['PUT blobs/uploads']);
    expect(ofStorage(opened)[0]!.headers.authorization).toBeUndefined();
  });

  test('by a redirect that keeps the method: goes there without credentials', async () => {
    const redirect = redirectTo(
      (seen, proxy) => `${proxy.storageUrl}${seen.path}&signature=${proxy.signature}`,
    );
    const opened = await uploader({ rules: [onPut(redirect, 1)], tokens: {}, client: CREDENTIALS });
    const bytes = randomBytes(1000);
    await opened.put(source(bytes));
    same(await opened.stored(source(bytes)), bytes);
    expect(ofStorage(opened)[0]).toMatchObject({ method: 'PUT', sentBytes: 1000 });
    expect(ofStorage(opened)[0]!.headers.authorization).toBeUndefined();
  });

  test('by a redirect that changes the method: is refused', async () => {
    const opened = await uploader({
      rules: [onPut(redirectTo((seen, proxy) => `${proxy.storageUrl}${seen.path}`, 302))],
    });
    await expect(opened.put(source(randomBytes(10)))).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(ofStorage(opened)).toEqual([]);
  });

  test.each([
    [
      'location',
      (to: string): FaultRule => ({ method: 'POST', path: UPLOADS, fault: setHeaders({ location: to }) }),
    ],
    ['redirect', (to: string) => onPut(redirectTo(to))],
  ])('by a %s to a metadata address: is refused', async (_, rule) => {
    const opened = await uploader({ rules: [rule('http://169.254.169.254/latest/')] });
    await expect(opened.put(source(randomBytes(10)))).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('metadata address'),
    });
  });
});

describe('a manifest', () => {
  const manifest = () => ({ mediaType: OCI_MANIFEST, bytes: image().bytes });

  test('is stored by tag and by digest, and again after a fault', async () => {
    const rules = [{ method: 'PUT', path: /manifests/, nth: 1, fault: status(503) }];
    const { client } = await uploader({ rules });
    const writer = client.writer(REPOSITORY);
    const digest = image().digest as Digest;
    expect(await writer.putManifest('copied', manifest(), never())).toEqual({ digest, isReferrer: false });
    expect(await writer.putManifest(digest, manifest(), never())).toEqual({ digest, isReferrer: false });
    expect((await client.getManifest(REPOSITORY, 'copied')).digest).toBe(digest);
  });

  test('is sent again when the registry refuses its digest: another client uploads a blob of it', async () => {
    const refused = status(400, {}, '{"errors":[{"code":"DIGEST_INVALID","message":"did not match"}]}');
    const rules: FaultRule[] = [{ method: 'PUT', path: /manifests/, nth: 1, fault: refused }];
    const { client, proxy } = await uploader({ rules });
    const writer = client.writer(REPOSITORY);
    expect(await writer.putManifest('copied', manifest(), never())).toMatchObject({ digest: image().digest });
    rules.length = 0;
    proxy.rules.splice(0, 1, { method: 'PUT', path: /manifests/, fault: refused });
    const refusing = writer.putManifest('copied', manifest(), never());
    await expect(refusing).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(proxy.requests(/manifests/)).toHaveLength(2 + 5);
  });

  test('tells whether the registry lists it as a referrer', async () => {
    const fault = setHeaders({ 'oci-subject': sha256('subject') });
    const { client } = await uploader({ rules: [{ method: 'PUT', path: /manifests/, fault }] });
    const stored = await client.writer(REPOSITORY).putManifest('copied', manifest(), never());
    expect(stored.isReferrer).toBe(true);
  });

  test('that is stored as another one is an error', async () => {
    const fault = setHeaders({ 'docker-content-digest': sha256('others') });
    const { client, proxy } = await uploader({ rules: [{ method: 'PUT', path: /manifests/, fault }] });
    const storing = client.writer(REPOSITORY).putManifest('copied', manifest(), never());
    await expect(storing).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(proxy.requests(/manifests/)).toHaveLength(1);
  });

  test('whose blobs are missing is refused by the registry, in its words', async () => {
    const { client } = await uploader();
    const layers = [{ mediaType: 'application/x', digest: sha256('missing'), size: 7 }];
    const bytes = Buffer.from(JSON.stringify({ ...JSON.parse(image().bytes.toString()), layers }));
    const storing = client.writer(REPOSITORY).putManifest('bad', { mediaType: OCI_MANIFEST, bytes }, never());
    await expect(storing).rejects.toMatchObject({
      message: expect.stringMatching(/MANIFEST_BLOB_UNKNOWN|blob/),
    });
  });

  test('is deleted, and only once', async () => {
    const { client } = await uploader();
    const writer = client.writer(REPOSITORY);
    const document = { ...JSON.parse(image().bytes.toString()), annotations: { made: 'to delete' } };
    const bytes = Buffer.from(JSON.stringify(document));
    const { digest } = await writer.putManifest('gone', { mediaType: OCI_MANIFEST, bytes }, never());
    expect(await writer.deleteManifest(digest, never())).toBe(true);
    expect(await writer.deleteManifest(digest, never())).toBe(false);
  });

  test('that the registry does not delete is UNSUPPORTED', async () => {
    const { client } = await uploader({ rules: [{ method: 'DELETE', path: /./, fault: status(405) }] });
    const deleting = client.writer(REPOSITORY).deleteManifest(image().digest as Digest, never());
    await expect(deleting).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('does not allow deleting'),
    });
  });
});
