import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { logTo } from '#src/base/log.js';
import { ThreadPeer, Transferred } from '#src/base/thread-rpc.js';
import { PAGE_SIZE } from '#src/blob/page.js';
import { storePath } from '#src/cache/store-layout.js';
import type { BlobMethods, StreamMethods } from '#src/engine/fetch/fetch-protocol.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import { InflatePool } from '#src/engine/inflate/inflate-pool.js';
import type { OpenLayerRequest } from '#src/engine/inflate/inflate-protocol.js';
import { ScanReceiver } from '#src/engine/inflate/scan-receiver.js';
import type { LayerObserver } from '#src/engine/layer-observer.js';
import { indexKey, LAYER_INDEX_VERSION } from '#src/index/entry-table.js';
import type { StateStorage } from '#src/index/states/checkpoints.js';
import { digestOf, noise, pageOf, same } from '../../blob/bytes.js';
import { plain } from '../../codec/gzip/plain.js';
import { blockDigests, indexBlob } from '../../index/built-layer.js';
import { file, tarOf } from '../../support/tar.js';
import { compressZstd } from '../../support/zstd.js';

const W = CHUNK_SIZE;
/** Windows between one read and the next: a prime that no count of windows here is a multiple of. */
const STEP = 101;
const tar = new Uint8Array(
  tarOf(file('noise', noise(1_500_000)), file('text', plain('copies', 4_000_000, 5))),
);
const blob = new Uint8Array(gzipSync(tar, { level: 1 }));
const digest = digestOf(blob);
const { index, encoded } = await indexBlob(blob);

/** The fetching thread's part: pages and streams of one blob, as a test wants them. */
class Fetching {
  bytes: Uint8Array = blob;
  readonly ports: MessagePort[] = [];
  readonly streamAborts: unknown[] = [];
  reads = 0;
  streams = 0;
  /** Awaited before a read is answered. */
  beforeRead: () => Promise<void> | void = () => {};
  /** Awaited after all pages of a stream are sent, before it ends. */
  endStream: (signal: AbortSignal) => Promise<void> | void = () => {};

  attach(port: MessagePort): void {
    this.ports.push(port);
    const methods: BlobMethods = {
      read: async ({ offset, length = 0 }) => {
        if (length === 0) return new Transferred(new Uint8Array(0), []);
        this.reads++;
        await this.beforeRead();
        const bytes = this.bytes.slice(offset, offset + length);
        return new Transferred(bytes, [bytes.buffer as ArrayBuffer]);
      },
      stream: async ({ pass }, signal) => {
        this.streams++;
        signal.addEventListener('abort', () => this.streamAborts.push(signal.reason));
        for (let at = 0; at < this.bytes.length && !signal.aborted; at += PAGE_SIZE) {
          const page = this.bytes.slice(at, at + PAGE_SIZE);
          peer
            .call('part', { pass, bytes: page, offset: at }, { transfer: [page.buffer as ArrayBuffer] })
            .catch(() => {});
          await new Promise(setImmediate);
        }
        await this.endStream(signal);
        return blockDigests(index);
      },
      hash: () => {
        throw new Error('this layer has no table');
      },
    };
    const peer = new ThreadPeer<StreamMethods>(port, methods);
  }

  /** What no thread expects: it dies of it. */
  crash(thread: number): void {
    this.ports[thread]!.postMessage(null);
  }
}

let opened: OpenLayerRequest;
const pools: InflatePool[] = [];
const directories: string[] = [];
const fds: number[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  for (const fd of fds.splice(0)) closeSync(fd);
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'layerslayer-pool-'));
  directories.push(directory);
  return directory;
}

function setup({ threads = 1, cacheDirectory }: { threads?: number; cacheDirectory?: string } = {}) {
  const fetching = new Fetching();
  const windows = new Map<number, Buffer>();
  const logged: string[] = [];
  const pool = new InflatePool({
    threads,
    fetching,
    log: logTo((level, message) => logged.push(`${level}: ${message}`)),
  });
  pool.cacheDirectory = cacheDirectory;
  pool.receiver = {
    // Looked at when whoever waits is told, which is after this has returned.
    arrived: (_, { number, bytes }) =>
      queueMicrotask(() => {
        for (let at = 0; at < bytes.length; at += W) {
          windows.set(number + at / W, Buffer.from(bytes.subarray(at, at + W)));
        }
      }),
  };
  pools.push(pool);
  const open = (states: StateStorage = inMemory(), codec = index.codec) => {
    const { blobSize, tarSize, checkpoints } = index;
    opened = {
      blob: 0,
      digest,
      codec,
      blobSize,
      tarSize,
      checkpoints,
      verification: index.verification,
      states,
      local: undefined,
    };
  };
  return { fetching, windows, logged, pool, open };
}

function inMemory(): StateStorage {
  const { offset, length } = index.states;
  const memory = new SharedArrayBuffer(length);
  new Uint8Array(memory).set(encoded.subarray(offset, offset + length));
  return { memory };
}

const read = (pool: InflatePool, thread: number, first: number, count: number) =>
  pool.read(thread, opened, { first, count, likelyEnd: first + count });

/** Returns the index that a pass makes. */
const encodedBy = async (pool: InflatePool, blobSize = blob.length, signal?: AbortSignal) => {
  const request = { blob: 0, digest, blobSize, allowance: undefined };
  return (await pool.index(request, [], { signal })).bytes;
};

const right = (bytes: Uint8Array | undefined, number: number) =>
  same(bytes, tar.subarray(number * W, (number + 1) * W));

describe('the pool of inflating threads', () => {
  it('makes the index of a streamed blob', async () => {
    const { pool } = setup();
    expect(same(await encodedBy(pool), encoded)).toBe(true);
  });

  it('holds a background pass that begins while a read is under way', async () => {
    const { pool, open, fetching } = setup();
    open();
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    fetching.beforeRead = () => answered;
    const reading = read(pool, 0, 0, 1);
    let isDone = false;
    const request = { blob: 0, digest, blobSize: blob.length, allowance: undefined };
    const passing = pool.index(request, [], { isBackground: true }).then(({ bytes }) => {
      isDone = true;
      return bytes;
    });
    await expect.poll(() => fetching.streams).toBe(1);
    await sleep(500);
    expect(isDone).toBe(false);
    answer();
    await reading;
    expect(same(await passing, encoded)).toBe(true);
  });

  it('delivers windows in order, first ones and last ones, from pages that it asks for', async () => {
    const { pool, windows, open, fetching } = setup({ threads: 2 });
    open();
    const last = Math.ceil(tar.length / W) - 1;
    await read(pool, 0, last, 1);
    await read(pool, 1, 0, 3);
    await read(pool, 0, 20, 16);
    expect([...windows.keys()]).toEqual([last, 0, 1, 2, ...Array.from({ length: 16 }, (_, i) => 20 + i)]);
    for (const [number, bytes] of windows) expect(right(bytes, number)).toBe(true);
    expect(fetching.reads).toBeGreaterThan(0);
  });

  it('reads pages that are kept from the disk, and others from the fetching thread', async () => {
    const cacheDirectory = scratch();
    const kept = join(cacheDirectory, 'v2', 'pages', digest);
    mkdirSync(kept, { recursive: true });
    const count = Math.ceil(blob.length / PAGE_SIZE);
    for (let number = 0; number < count - 1; number++)
      writeFileSync(join(kept, String(number)), pageOf(blob, number));
    const { pool, windows, open, fetching } = setup({ cacheDirectory });
    open();
    const last = Math.ceil(tar.length / W) - 1;
    await read(pool, 0, 0, last + 1);
    for (const [number, bytes] of windows) expect(right(bytes, number)).toBe(true);
    expect(windows.size).toBe(last + 1);
    expect(fetching.reads).toBe(1);
  });

  it('ends calls when their thread dies, and starts another', async () => {
    const { pool, windows, open, fetching, logged } = setup();
    open();
    fetching.beforeRead = () => new Promise(() => {});
    fetching.endStream = (signal) => new Promise((_, reject) => signal.addEventListener('abort', reject));
    const reading = read(pool, 0, 3, 1);
    const indexing = encodedBy(pool);
    const both = Promise.allSettled([reading, indexing]);
    await until(() => fetching.reads > 0 && fetching.streams > 0);
    fetching.crash(0);
    for (const outcome of await both) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'INTERNAL' } });
    }
    expect(logged.filter((line) => line.startsWith('error: inflating thread 0 ended'))).toHaveLength(1);
    // What it had asked for has nobody left to wait for it.
    await until(() => fetching.streamAborts.length > 0);
    expect(fetching.streamAborts).toMatchObject([{ code: 'INTERNAL' }]);
    fetching.beforeRead = () => {};
    await read(pool, 0, 3, 1);
    expect(right(windows.get(3), 3)).toBe(true);
    expect(fetching.ports).toHaveLength(2);
  });

  it('ends a scan when its thread dies while the observer waits', async () => {
    const { pool, fetching } = setup();
    fetching.endStream = () => new Promise(() => {});
    let isWaiting = false;
    const observer: LayerObserver = {
      onEntry: () => false,
      onRestart: () => {},
      settled() {
        isWaiting = true;
        return new Promise(() => {});
      },
    };
    const job = { blob: 0, digest, blobSize: blob.length, allowance: undefined };
    const receiver = new ScanReceiver(observer, blob.length);
    const scanning = pool.scan(job, blob.length, receiver, new AbortController().signal);
    const ended = expect(scanning).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringMatching(/^an inflating thread ended: /),
    });
    await until(() => isWaiting);
    fetching.crash(0);
    await ended;
  });

  it('scans one blob for several observers at the same time, and indexes it', async () => {
    const { pool } = setup();
    const job = { blob: 0, digest, blobSize: blob.length, allowance: undefined };
    const scanned = async () => {
      const parts: Buffer[] = [];
      const onBytes = (bytes: Uint8Array) => parts.push(Buffer.from(bytes)) === 0;
      const receiver = new ScanReceiver({ onEntry: () => false, onBytes, onRestart() {} }, blob.length);
      await pool.scan(job, blob.length, receiver, new AbortController().signal);
      return Buffer.concat(parts);
    };
    const [one, other, bytes] = await Promise.all([scanned(), scanned(), encodedBy(pool)]);
    expect([same(one, tar), same(other, tar), same(bytes, encoded)]).toEqual([true, true, true]);
  });

  it('delivers right windows whichever buffers are on their way back, also after failed reads and the end of a thread', async () => {
    const { pool, windows, open, fetching } = setup({ threads: 2 });
    open();
    const count = Math.ceil(tar.length / W);
    const pieces = Array.from({ length: count }, (_, i) => ({
      first: (i * STEP) % count,
      count: 1 + (i % 5),
    }));
    const readAll = async (thread: number) => {
      windows.clear();
      for (const { first, count: some } of pieces) {
        await Promise.all([read(pool, thread, first, some), read(pool, thread, first, 1)]);
        expect(right(windows.get(first), first)).toBe(true);
      }
      for (const [number, bytes] of windows) expect(right(bytes, number)).toBe(true);
      expect(windows.size).toBe(count);
    };
    await readAll(0);
    await expect(
      pool.read(0, { ...opened, blob: 1, codec: '' }, { first: 0, count: 1, likelyEnd: 1 }),
    ).rejects.toThrow(); // no such blob; it had buffers with it
    await readAll(0);
    // The other thread: this one has all pages by now and would not wait for any.
    fetching.beforeRead = () => new Promise(() => {});
    const last = read(pool, 1, 0, 2);
    const ended = expect(last).rejects.toMatchObject({ code: 'INTERNAL' });
    await until(() => fetching.ports.length === 2);
    fetching.crash(1);
    await ended;
    fetching.beforeRead = () => {};
    await readAll(1);
  });

  it('ends calls when the fetching thread dies', async () => {
    const { pool, open, fetching } = setup();
    open();
    fetching.beforeRead = () => new Promise(() => {});
    fetching.endStream = () => new Promise(() => {});
    const both = Promise.allSettled([read(pool, 0, 3, 1), encodedBy(pool)]);
    await until(() => fetching.reads > 0);
    fetching.ports[0]!.close();
    for (const outcome of await both) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'the other thread is gone' } });
    }
    await expect(read(pool, 0, 9, 1)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('ends calls when it is closed, and takes no more', async () => {
    const { pool, open, fetching } = setup();
    open();
    fetching.beforeRead = () => new Promise(() => {});
    fetching.endStream = () => new Promise(() => {});
    const both = Promise.allSettled([read(pool, 0, 3, 1), encodedBy(pool)]);
    await until(() => fetching.reads > 0);
    await pool.close();
    for (const outcome of await both) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED' } });
    }
    await expect(read(pool, 0, 3, 1)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(encodedBy(pool, 1)).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('aborts an index pass with the reason, and can make it again', async () => {
    const { pool, fetching } = setup();
    const controller = new AbortController();
    fetching.endStream = (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        controller.abort(new LayerslayerError('ABORTED', 'Ctrl-C'));
      });
    const aborted = encodedBy(pool, blob.length, controller.signal);
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', message: 'Ctrl-C' });
    expect(fetching.streamAborts).toMatchObject([{ code: 'ABORTED', message: 'Ctrl-C' }]);
    fetching.endStream = () => {};
    expect(same(await encodedBy(pool), encoded)).toBe(true);
  });

  it('stops fetching what it cannot read at all', async () => {
    const { pool, fetching } = setup();
    fetching.bytes = new Uint8Array(10 * PAGE_SIZE);
    fetching.bytes.set([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
    fetching.endStream = (signal) =>
      new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    await expect(encodedBy(pool, 1)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/^indexing layer sha256:.*xz/),
    });
  });

  it.each([
    ['damaged', damaged(blob), 'CORRUPT_LAYER'],
    ['cut short', blob.slice(0, 300_000), 'CORRUPT_LAYER'],
  ])('takes a blob that is %s to its end: its digest decides whose fault it is', async (_, bytes, code) => {
    const { pool, fetching } = setup();
    fetching.bytes = bytes;
    const message = expect.stringMatching(/^indexing layer sha256:/);
    await expect(encodedBy(pool, 1)).rejects.toMatchObject({ code, message });
    fetching.endStream = () => {
      throw new LayerslayerError('DIGEST_MISMATCH', 'other bytes');
    };
    await expect(encodedBy(pool, 1)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(fetching.streamAborts).toEqual([]);
  });

  it('reads on past a damaged state of a kept index, says so once and has the index made anew', async () => {
    const cacheDirectory = scratch();
    const path = storePath(join(cacheDirectory, 'v2'), 'index', indexKey(LAYER_INDEX_VERSION, digest));
    mkdirSync(join(path, '..'), { recursive: true });
    const bytes = encoded.slice();
    bytes.fill(0, index.states.offset);
    writeFileSync(path, bytes);
    expect(readFileSync(path).length).toBe(encoded.length);
    const fd = openSync(path, 'r');
    fds.push(fd);
    const { pool, open, windows, logged } = setup({ cacheDirectory });
    open({ fd, offset: index.states.offset });
    const last = Math.ceil(tar.length / W) - 1;
    for (const number of [last, 1, last - 20]) {
      await read(pool, 0, number, 1);
      expect(right(windows.get(number), number)).toBe(true);
    }
    expect(logged).toEqual([expect.stringMatching(/^warn: the cached index of layer sha256:.* is damaged/)]);
    await until(() => !existsSync(path));
  });

  it('refuses a codec that it does not know, and removes the cached index', async () => {
    const cacheDirectory = scratch();
    const path = storePath(join(cacheDirectory, 'v2'), 'index', indexKey(LAYER_INDEX_VERSION, digest));
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, encoded);
    const { pool, open } = setup({ cacheDirectory });
    open(inMemory(), 'zip');
    const message = expect.stringMatching(/^the index of layer sha256:.*: no codec is named "zip"$/);
    await expect(read(pool, 0, 0, 1)).rejects.toMatchObject({ code: 'UNSUPPORTED', message });
    await until(() => !existsSync(path));
  });

  it('reads layers with windows over 16 MiB in its first thread, once it knows', async () => {
    const { pool, fetching, windows } = setup({ threads: 2 });
    const bytes = new Uint8Array(compressZstd(tar, ['--long=27']));
    const { index: ofZstd, encoded: zstd } = await indexBlob(bytes);
    fetching.bytes = bytes;
    const { offset, length } = ofZstd.states;
    const memory = new SharedArrayBuffer(length);
    new Uint8Array(memory).set(zstd.subarray(offset, offset + length));
    const { codec, blobSize, tarSize, checkpoints } = ofZstd;
    opened = {
      blob: 0,
      digest: digestOf(bytes),
      codec,
      blobSize,
      tarSize,
      checkpoints,
      verification: ofZstd.verification,
      states: { memory },
      local: undefined,
    };
    await read(pool, 1, 0, 1);
    expect(pool.pickThread()).toBe(1); // the other one does not run yet
    await read(pool, 1, 80, 2);
    expect(pool.pickThread()).toBe(0);
    expect(same(windows.get(81)!, tar.subarray(81 * W, 82 * W))).toBe(true);
  });

  it('gives new readers to threads that have little to do', async () => {
    const { pool, open, fetching } = setup({ threads: 3 });
    open();
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    fetching.beforeRead = () => gate;
    const threads: number[] = [];
    const reads = Array.from({ length: 6 }, (_, i) => {
      const thread = pool.pickThread();
      threads.push(thread);
      return read(pool, thread, 8 * i, 1);
    });
    expect(threads.toSorted()).toEqual([0, 0, 1, 1, 2, 2]);
    release();
    await Promise.all(reads);
  });
});

function damaged(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length >> 1]! ^= 1;
  return copy;
}

/** Turns of the event loop until it is so; the test's own deadline ends a wait for what never comes. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}
