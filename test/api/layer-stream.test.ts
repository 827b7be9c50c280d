/** Listings of a layer while its pass is under way. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ImageLease } from '#src/api/images/served-images.js';
import { layerStream } from '#src/api/listing/layer-stream.js';
import type { LayerObserver } from '#src/engine/image-session.js';
import type { TarEntry } from '#src/tar/entry.js';
import { entriesOf, file } from '../support/entries.js';

const COUNT = 10_000;
const entries = entriesOf(...Array.from({ length: COUNT }, (_, i) => file(`file-${i}`, 'x')));
const paths = Array.from({ length: COUNT }, (_, i) => `/file-${i}`);

/** A lease whose pass finds all entries, a few at once. */
function leaseOf(onEnd: () => void): ImageLease {
  return {
    opened: {
      resolved: { manifest: { layers: [{ digest: `sha256:${'ab'.repeat(32)}` }] } },
      async scanLayer(_: number, observer: LayerObserver) {
        for (let row = 0; row < COUNT; row++) {
          observer.onEntry(entryOf(row), row, () => entries);
          if (row % 500 === 0) await observer.settled?.();
        }
        onEnd();
        return { layer: { entries }, isScanned: true };
      },
    },
    inTurn: (pass: () => Promise<unknown>) => pass(),
    report() {},
  } as unknown as ImageLease;
}

function entryOf(row: number): TarEntry {
  return {
    path: entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row)),
    kind: entries.kind(row),
    mode: entries.mode(row),
    uid: 0,
    gid: 0,
    size: entries.size(row),
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    linkTarget: new Uint8Array(0),
  } as unknown as TarEntry;
}

it('a slow reader holds up the pass for a while only, and gets all entries in order', async () => {
  let isEnded = false;
  const lease = leaseOf(() => {
    isEnded = true;
  });
  const { signal } = new AbortController();
  const path = Buffer.from('/');
  const stream = layerStream({ lease, layer: 1, path, depth: 1, signal, patienceMs: 50 });
  const first = await stream.next();
  await sleep(20);
  expect(isEnded).toBe(false);
  await sleep(200);
  expect(isEnded).toBe(true);
  const records = [first.value!];
  for await (const record of stream) records.push(record);
  expect(records.map((record) => (record as { path: string }).path)).toEqual(paths);
});

it('a reader that keeps up has all entries from the pass', async () => {
  const { signal } = new AbortController();
  const path = Buffer.from('/');
  const records: object[] = [];
  for await (const record of layerStream({ lease: leaseOf(() => {}), layer: 1, path, depth: 1, signal }))
    records.push(record);
  expect(records.map((record) => (record as { path: string }).path)).toEqual(paths);
});
