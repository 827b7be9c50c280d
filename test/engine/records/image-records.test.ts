import { afterEach, describe, expect, it, vi } from 'vitest';
import { SILENT_LOG } from '#src/base/log.js';
import { ContentStore } from '#src/cache/content-store.js';
import {
  type ImageRecord,
  ImageRecords,
  listImageRecords,
  readImageRecord,
} from '#src/engine/records/image-records.js';
import { type IndexOrigin, OWN } from '#src/index/cached-indexes.js';
import type { Digest } from '#src/oci/digest.js';
import type { Platform } from '#src/oci/platform.js';
import type { ResolvedImage } from '#src/source/image-source.js';
import { cleanUp, scratchDirectory } from '../../cache/scratch.js';

const MINUTE = 60_000;
const NOW = 1_700_000_000_000;
const REFERENCE = 'docker.io/library/app:1';
const ASKED: Platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
const digest = (n: number) => `sha256:${n.toString(16).padStart(64, '0')}` as Digest;

const RECORD: ImageRecord = {
  reference: REFERENCE,
  digest: digest(1),
  platform: { os: 'linux', architecture: 'arm', variant: 'v6', osVersion: '1.2' },
  layers: [
    { digest: digest(2), size: 0 },
    { digest: digest(3), size: 2 ** 40 },
  ],
  answeredMs: NOW,
};

function imageOf({ reference, digest, platform, layers }: ImageRecord): ResolvedImage {
  const manifest = { layers: layers.map((layer) => ({ ...layer, mediaType: 'application/x' })) };
  return { reference, digest, platform, manifest, config: {} } as unknown as ResolvedImage;
}

async function openStore(directory = scratchDirectory(), capBytes = 2 ** 20) {
  return ContentStore.open({ directory, capBytes, log: SILENT_LOG });
}

/** Opens an image, and waits until that is recorded. */
async function record(store: ContentStore, given: ImageRecord, reference = REFERENCE): Promise<void> {
  const records = new ImageRecords(Promise.resolve(store));
  records.opened(reference, ASKED, imageOf(given), given.answeredMs);
  await records.write();
}

afterEach(async () => {
  vi.useRealTimers();
  await cleanUp();
});

describe('an image record', () => {
  it('is found by what was asked for, and tells what was found', async () => {
    const store = await openStore();
    await record(store, RECORD);
    expect(readImageRecord(store, REFERENCE, ASKED)).toEqual(RECORD);
    expect(readImageRecord(store, REFERENCE, RECORD.platform)).toBeUndefined();
    expect(readImageRecord(store, 'docker.io/library/app:2', ASKED)).toBeUndefined();
  });

  it('is the latest one of a reference', async () => {
    const store = await openStore();
    await record(store, RECORD);
    const moved = { ...RECORD, digest: digest(9), layers: [], answeredMs: NOW + 1 };
    await record(store, moved);
    expect(readImageRecord(store, REFERENCE, ASKED)).toEqual(moved);
    expect(await listImageRecords(store)).toEqual([moved]);
  });

  it.each([
    [MINUTE - 1, 0],
    [MINUTE, MINUTE],
    [-MINUTE, -MINUTE], // the clock was set back
  ])('that is %i ms older has the time + %i', async (later, wanted) => {
    const store = await openStore();
    await record(store, RECORD);
    await record(store, { ...RECORD, answeredMs: NOW + later });
    expect(readImageRecord(store, REFERENCE, ASKED)?.answeredMs).toBe(NOW + wanted);
  });

  it('is written a little later, without being closed', async () => {
    const store = await openStore();
    const written = vi.spyOn(store, 'write');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const records = new ImageRecords(Promise.resolve(store));
    records.opened(REFERENCE, ASKED, imageOf(RECORD), NOW);
    records.opened('docker.io/library/other:1', ASKED, imageOf(RECORD), NOW);
    await new Promise(setImmediate);
    expect(written).not.toHaveBeenCalled();
    vi.runAllTimers();
    vi.useRealTimers();
    await records.write();
    expect(written).toHaveBeenCalledTimes(2);
    expect(await listImageRecords(store)).toHaveLength(2);
  });

  it('has the origins of the indexes that its layers were opened with last', async () => {
    const store = await openStore();
    const origin: IndexOrigin = { kind: 'table', format: 'estargz', digest: digest(7), isExact: true };
    const records = new ImageRecords(Promise.resolve(store));
    records.opened(REFERENCE, ASKED, imageOf(RECORD), NOW);
    records.layerOpened(digest(2), OWN);
    records.layerOpened(digest(3), origin);
    await records.write();
    const [lower, upper] = RECORD.layers;
    expect(readImageRecord(store, REFERENCE, ASKED)?.layers).toEqual([lower, { ...upper!, origin }]);
    // A session that opens no layer, or only the lower one, does not know better.
    await record(store, RECORD);
    expect(readImageRecord(store, REFERENCE, ASKED)?.layers).toEqual([lower, { ...upper!, origin }]);
    const later = new ImageRecords(Promise.resolve(store));
    later.opened(REFERENCE, ASKED, imageOf(RECORD), NOW);
    await later.write();
    later.layerOpened(digest(3), OWN); // after the record was written
    await later.write();
    expect(readImageRecord(store, REFERENCE, ASKED)?.layers).toEqual(RECORD.layers);
  });

  it('is read without an origin that it does not know', async () => {
    const store = await openStore();
    await record(store, RECORD);
    const [file] = await store.entries();
    const layers = RECORD.layers.map((layer) => ({ ...layer, origin: { kind: 'hearsay' } }));
    await store.write('image', file!.key, Buffer.from(JSON.stringify({ ...RECORD, layers })));
    expect(readImageRecord(store, REFERENCE, ASKED)).toEqual(RECORD);
  });

  it('is none in a cache that keeps nothing', async () => {
    const store = await openStore(undefined, 0);
    await record(store, RECORD);
    expect(readImageRecord(store, REFERENCE, ASKED)).toBeUndefined();
    expect(await listImageRecords(store)).toEqual([]);
  });
});

describe('a damaged record is a miss', () => {
  const { layers } = RECORD;
  it.each<[string, unknown]>([
    ['no JSON', undefined],
    ['a list', [RECORD]],
    ['no reference', { ...RECORD, reference: 5 }],
    ['no digest', { ...RECORD, digest: 'sha256:ab' }],
    ['no platform', { ...RECORD, platform: 'linux/amd64' }],
    ['no architecture', { ...RECORD, platform: { os: 'linux' } }],
    ['a variant that is no text', { ...RECORD, platform: { ...ASKED, variant: 7 } }],
    ['no layers', { ...RECORD, layers: undefined }],
    ['a layer without a digest', { ...RECORD, layers: [...layers, { size: 5 }] }],
    ['a layer of a negative size', { ...RECORD, layers: [{ ...layers[0], size: -1 }] }],
    ['a time that is none', { ...RECORD, answeredMs: '5' }],
  ])('%s', async (_, content) => {
    const store = await openStore();
    await record(store, RECORD);
    const [file] = await store.entries();
    const bytes = Buffer.from(content === undefined ? 'x' : JSON.stringify(content));
    await store.write('image', file!.key, bytes);
    expect(readImageRecord(store, REFERENCE, ASKED)).toBeUndefined();
    expect(await listImageRecords(store)).toEqual([]);
    await record(store, RECORD); // and is written again
    expect(readImageRecord(store, REFERENCE, ASKED)).toEqual(RECORD);
  });
});
