import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferPool } from '#src/base/buffer-pool.js';
import { LayerslayerError } from '#src/base/errors.js';
import { BlobPass } from '#src/engine/inflate/blob-pass.js';
import { RUN_SIZE } from '#src/engine/inflate/chunk-reader.js';
import type { ScanAnswer, ScannedBatch } from '#src/engine/inflate/inflate-protocol.js';
import { ScanReceiver } from '#src/engine/inflate/scan-receiver.js';
import type { LayerObserver } from '#src/engine/layer-observer.js';
import type { TarEntry } from '#src/tar/entry.js';
import { blockDigestsOf, digestOf, noise, same } from '../../blob/bytes.js';
import { indexBlob } from '../../index/built-layer.js';
import { dir, file, hardlink, oldGnuSparse, symlink, tarOf } from '../../support/tar.js';
import { scanAll } from '../../tar/scan-all.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A part of a stream: bytes of the blob, from an offset on. */
type Part = readonly [bytes: Uint8Array, offset: number];

function partsOf(blob: Uint8Array, length: number): Part[] {
  const count = Math.ceil(blob.length / length);
  return Array.from({ length: count }, (_, i) => [blob.subarray(i * length, (i + 1) * length), i * length]);
}

interface ScanOptions {
  wantsBytes?: boolean;
  end?: number;
  parts?: readonly Part[];
  signal?: AbortSignal;
  onBatch?: (batch: ScannedBatch) => void;
}

/** Runs an observed pass. Messages are cloned as between threads; the stream is the test's. */
function scan(blob: Uint8Array, observer: LayerObserver, options: ScanOptions = {}) {
  const { end = blob.length, parts = partsOf(blob, 256 * KIB), signal, onBatch } = options;
  const receiver = new ScanReceiver(observer, blob.length);
  const stream = { taken: 0, aborted: undefined as unknown }; // parts
  const call = async (_method: string, _request: object, { signal: within }: { signal: AbortSignal }) => {
    const aborted = new Promise<true>((resolve) => within.addEventListener('abort', () => resolve(true)));
    for (const [bytes, offset] of parts) {
      const isEnough = await Promise.race([pass.take(new Uint8Array(bytes), offset), aborted]);
      if (within.aborted) {
        stream.aborted = within.reason;
        throw within.reason;
      }
      stream.taken++;
      if (isEnough) return undefined;
    }
    return end === blob.length ? blockDigestsOf(blob) : undefined;
  };
  const sendBatch = async (batch: ScannedBatch, transfer: readonly ArrayBuffer[]): Promise<ScanAnswer> => {
    onBatch?.(batch);
    const sent = structuredClone(batch, { transfer: [...transfer] });
    return (await receiver.receive(sent)).value;
  };
  const request = {
    ...{ pass: 1, blob: 0, digest: digestOf(blob), blobSize: blob.length, allowance: undefined },
    observed: { end, wantsBytes: options.wantsBytes ?? receiver.wantsBytes },
  };
  const pass: BlobPass = new BlobPass(request, {
    fetching: { call: call as never },
    sendBatch,
    buffers: new BufferPool(RUN_SIZE, 12),
  });
  return { ran: pass.run(signal ?? new AbortController().signal), receiver, stream };
}

/** Copies an entry: it is valid during the call only. */
const plainEntry = (entry: TarEntry) => ({
  ...entry,
  path: Buffer.from(entry.path).toString('latin1'),
  linkTarget: Buffer.from(entry.linkTarget).toString('latin1'),
  xattrs: entry.xattrs.map(({ name, value }) => [
    Buffer.from(name).toString(),
    Buffer.from(value).toString(),
  ]),
});

/** Sees all, and checks that entries come before their content. */
class Seen implements LayerObserver {
  readonly entries: ReturnType<typeof plainEntry>[] = [];
  readonly parts: Buffer[] = [];
  readonly events: string[] = [];
  passed = 0; // tar bytes

  constructor(private readonly enough: (path: string) => boolean = () => false) {}

  onEntry: LayerObserver['onEntry'] = (entry, row, soFar) => {
    expect([row, soFar().length]).toEqual([this.entries.length, this.entries.length + 1]);
    expect(entry.dataOffset).toBeGreaterThanOrEqual(this.passed);
    this.entries.push(plainEntry(entry));
    this.events.push('entry');
    return this.enough(this.entries.at(-1)!.path);
  };

  onBytes: NonNullable<LayerObserver['onBytes']> = (bytes, offset) => {
    expect(offset).toBe(this.passed);
    this.passed += bytes.length;
    this.parts.push(Buffer.from(bytes));
    this.events.push('bytes');
    return this.enough(this.entries.at(-1)?.path ?? '');
  };

  onRestart(): void {
    this.entries.length = 0;
    this.parts.length = 0;
    this.passed = 0;
    this.events.push('restart');
  }
}

/** Sees entries only. */
const entriesOnly = (seen: Seen): LayerObserver => ({
  onEntry: seen.onEntry,
  onRestart: () => seen.onRestart(),
});

/** Members by kind and a number: a counterexample stays readable. */
const MEMBERS: Record<string, (number: number) => Uint8Array> = {
  file: (n) => file(`f${n}`, noise((n * 4099) % (40 * KIB), n)),
  xattrs: (n) => file('x', 'x', { uid: n, xattrs: { 'user.a': `${n % 7}` } }),
  dir: () => dir('d/', { mode: 0o700 }),
  symlink: () => symlink('l', 'd'),
  hardlink: () => hardlink('h', 'x'),
  sparse: (n) => oldGnuSparse(`s${n}`, 500_000, [{ offset: 4096 * n, data: noise(600, n) }]),
};
const members = fc.array(fc.tuple(fc.constantFrom(...Object.keys(MEMBERS)), fc.nat(99)), { maxLength: 60 });
const layers = fc.record({
  members,
  isPlain: fc.boolean(),
  length: fc.integer({ min: 600, max: 300 * KIB }),
  wantsBytes: fc.boolean(),
});

/** Compresses 1 : 1, so that offsets in blob and tar are nearly the same. */
const files = Array.from({ length: 64 }, (_, i) => file(`f${i}`, noise(16 * KIB, i)));
const tar = tarOf(...files);
const blob = gzipSync(tar, { level: 1 });

describe('an observed pass', () => {
  it('shows what the tar scan finds, in its order, and makes the index of an unobserved one', async () => {
    await fc.assert(
      fc.asyncProperty(layers, async ({ members, isPlain, length, wantsBytes }) => {
        const tar = tarOf(...members.map(([kind, number]) => MEMBERS[kind]!(number)));
        const blob = isPlain ? tar : gzipSync(tar, { level: 1 });
        const seen = new Seen();
        const observer = wantsBytes ? seen : entriesOnly(seen);
        const { ran, receiver } = scan(blob, observer, { parts: partsOf(blob, length) });
        const end = await ran;
        const { index, encoded } = await indexBlob(blob);
        expect('bytes' in end && same(end.bytes, encoded)).toBe(true);
        expect(seen.entries).toEqual(scanAll(tar).entries.map(plainEntry));
        expect(receiver.entries?.length ?? 0).toBe(index.entries.length);
        expect(receiver.entries?.footprint ?? index.entries.footprint).toEqual(index.entries.footprint);
        expect(same(Buffer.concat(seen.parts), wantsBytes ? tar : Buffer.alloc(0))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['another layer', gzipSync(tarOf(file('wrong', noise(300 * KIB, 1))), { level: 1 })],
    ['damage', damaged(200 * KIB)],
  ])('begins again when wrong bytes came: %s', async (_, wrong) => {
    const seen = new Seen();
    const parts = [...partsOf(wrong, 64 * KIB).slice(0, 4), ...partsOf(blob, 64 * KIB)];
    expect(await scan(blob, seen, { parts }).ran).toHaveProperty('bytes');
    expect(seen.events.indexOf('restart')).toBeGreaterThan(0);
    expect(seen.events.filter((event) => event === 'restart')).toHaveLength(1);
    expect(seen.entries).toEqual(scanAll(tar).entries.map(plainEntry));
    expect(same(Buffer.concat(seen.parts), tar)).toBe(true);
  });

  it('tells the observer of a restart before anything is found', async () => {
    const seen = new Seen();
    const parts: Part[] = [
      [blob.subarray(0, 64 * KIB), 0],
      [blob.subarray(0, 20), 0],
    ];
    const { ran } = scan(blob, entriesOnly(seen), { parts });
    await expect(ran).rejects.toMatchObject({ code: 'CORRUPT_LAYER' }); // 20 bytes of it
    expect([seen.events.at(-1), seen.entries.length]).toEqual(['restart', 0]);
  });

  it('stops at a multiple of 64 KiB, and shows all before it, where the observer has enough', async () => {
    for (const length of [10 * KIB, 256 * KIB]) {
      const seen = new Seen((path) => path !== '');
      const { ran, stream } = scan(blob, entriesOnly(seen), { parts: partsOf(blob, length) });
      const end = await ran;
      const readBytes = Math.max(length, 70 * KIB); // the first whole part past the mark
      expect(end).toEqual({ readBytes });
      expect(stream.taken).toBe(readBytes / length);
      const found = scanAll(tar).entries.filter(({ dataOffset }) => dataOffset < readBytes - 2 * KIB);
      expect(seen.entries.length).toBeGreaterThanOrEqual(found.length);
    }
  });

  it('ends with the very error that the observer throws, and shows it nothing more', async () => {
    class DiskFull extends Error {}
    const full = new DiskFull('disk full');
    const seen = new Seen((path) => {
      if (path === 'f3') throw full;
      return false;
    });
    const { ran, receiver, stream } = scan(blob, seen);
    await expect(ran).rejects.toBe(full); // a message would bring a copy
    expect(receiver.fault).toBe(full);
    expect(seen.entries.map(({ path }) => path)).toEqual(['f0', 'f1', 'f2', 'f3']);
    expect(stream).toMatchObject({ taken: 0, aborted: full });
  });

  it('reports the entries before damage, then the damage', async () => {
    const seen = new Seen();
    const bad = damaged(200 * KIB);
    await expect(scan(bad, seen).ran).rejects.toMatchObject({
      code: 'CORRUPT_LAYER',
      message: expect.stringMatching(/^reading layer sha256:/),
    });
    expect(seen.entries.length).toBeGreaterThan(8);
    expect(seen.passed).toBeGreaterThan(150 * KIB);
  });

  it('collects at most 10 MiB of a bomb, and waits for the observer before it collects more', async () => {
    const size = 256 * MIB;
    const bomb = gzipSync(tarOf(file('zeros', Buffer.alloc(size))), { level: 9 });
    expect(bomb.length).toBeLessThan(300 * KIB);
    let waiting = 0; // batches
    let most = 0; // bytes
    let passed = 0;
    const observer: LayerObserver = {
      onEntry: () => false,
      onBytes(bytes) {
        passed += bytes.length;
        return false;
      },
      onRestart: () => {},
      async settled() {
        await new Promise(setImmediate);
        waiting--;
      },
    };
    const onBatch = ({ bytes }: ScannedBatch) => {
      waiting++;
      expect(waiting).toBe(1);
      most = Math.max(
        most,
        bytes.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
      );
    };
    await scan(bomb, observer, { onBatch }).ran;
    expect(passed).toBeGreaterThan(size);
    expect(most).toBeLessThan(10 * MIB);
  });

  it('ends at once when it is aborted while the observer waits', async () => {
    const stop = new AbortController();
    const reason = new LayerslayerError('ABORTED', 'Ctrl-C');
    const seen = Object.assign(new Seen(), {
      settled() {
        queueMicrotask(() => stop.abort(reason));
        return new Promise<void>(() => {});
      },
    });
    await expect(scan(blob, seen, { signal: stop.signal }).ran).rejects.toBe(reason);
  });
});

/** The blob with one bit flipped. */
function damaged(at: number): Uint8Array {
  const copy = new Uint8Array(blob);
  copy[at]! ^= 1;
  return copy;
}
