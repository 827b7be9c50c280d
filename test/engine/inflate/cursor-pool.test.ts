import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BufferPool } from '#src/base/buffer-pool.js';
import { PAGE_SIZE } from '#src/blob/page.js';
import { BLOB_START } from '#src/codec/codec.js';
import { PLAIN } from '#src/codec/codecs.js';
import { gzip } from '#src/codec/gzip/gzip-codec.js';
import { zstd } from '#src/codec/zstd/zstd-codec.js';
import { CursorPool, type LiveCursor } from '#src/engine/inflate/cursor-pool.js';
import { noise } from '../../blob/bytes.js';
import { compressZstd } from '../../support/zstd.js';

const codec = gzip;
const newPool = () => new CursorPool(new BufferPool(PAGE_SIZE, 2));
const blob = gzipSync(noise(100_000), { level: 1 });

/** Uses a cursor: seeks to the start unless it stands already, and goes on to `to`. */
function walkTo(to: number, seen?: (live: LiveCursor, resumed: boolean) => void) {
  return async (live: LiveCursor, resumed: boolean) => {
    if (!resumed) live.cursor.seek(BLOB_START);
    live.fed = { offset: 0, bytes: blob };
    live.cursor.push(blob.subarray(live.cursor.inputOffset), true);
    live.cursor.skip(to - live.cursor.outOffset);
    seen?.(live, resumed);
  };
}

/** Whether a cursor stands in `[from, to]` for the owner. */
async function standing(pool: CursorPool, owner: object, from: number, to: number): Promise<boolean> {
  let found = false;
  await pool
    .use({ owner, codec, from, to }, async (live, resumed) => {
      found = resumed;
      // Left as it is, or forgotten: a look must not change what the next one finds.
      if (!resumed) throw new Error('not standing');
      expect(live.fed).toBeDefined();
    })
    .catch(() => {});
  return found;
}

describe('the pool of cursors', () => {
  it('gives a reader the cursor that stands where it wants it, and no other', async () => {
    const pool = newPool();
    const [owner, other] = [{}, {}];
    await pool.use({ owner, codec, from: 0, to: 0 }, walkTo(5000));
    expect(await standing(pool, owner, 0, 5000)).toBe(true);
    expect(await standing(pool, owner, 5000, 9000)).toBe(true);
    expect(await standing(pool, owner, 0, 4999)).toBe(false);
    expect(await standing(pool, owner, 5001, 9000)).toBe(false);
    expect(await standing(pool, other, 0, 9000)).toBe(false);
  });

  it('gives the nearest of several', async () => {
    const pool = newPool();
    const owner = {};
    for (const to of [1000, 3000, 2000]) await pool.use({ owner, codec, from: to, to }, walkTo(to));
    let at = 0;
    await pool.use({ owner, codec, from: 0, to: 2500 }, async ({ cursor }) => {
      at = cursor.outOffset;
    });
    expect(at).toBe(2000);
  });

  it('gives a cursor of the codec that is wanted, also when it takes another one for it', async () => {
    const pool = newPool();
    for (let i = 0; i < 8; i++) await pool.use({ owner: {}, codec, from: 0, to: 0 }, walkTo(1000));
    for (const wanted of [PLAIN, gzip, PLAIN]) {
      await pool.use({ owner: {}, codec: wanted, from: 0, to: 0 }, async ({ cursor }, resumed) => {
        expect(resumed).toBe(false);
        expect(cursor.constructor).toBe(wanted.cursor().constructor);
      });
    }
  });

  it('never gives a cursor to two at once, and bounds them', async () => {
    const pool = newPool();
    const owner = {};
    await pool.use({ owner, codec, from: 0, to: 0 }, walkTo(1000));
    let open!: () => void;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const inUse = new Set<object>();
    let most = 0;
    const uses = Array.from({ length: 40 }, () =>
      pool.use({ owner, codec, from: 0, to: 1000 }, async (live) => {
        expect(inUse.has(live.cursor)).toBe(false);
        inUse.add(live.cursor);
        most = Math.max(most, inUse.size);
        await gate;
        live.cursor.seek(BLOB_START);
        inUse.delete(live.cursor);
      }),
    );
    await new Promise(setImmediate);
    expect(most).toBe(32);
    open();
    await Promise.all(uses);
    // What is kept of them: six at the most, least recently used out first.
    const kept = new Set<object>();
    let release!: () => void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const again = Array.from({ length: 32 }, () =>
      pool.use({ owner, codec, from: 0, to: 0 }, async (live, resumed) => {
        if (resumed) kept.add(live.cursor);
        await held;
      }),
    );
    await new Promise(setImmediate);
    expect(kept.size).toBe(6);
    release();
    await Promise.all(again);
  });

  describe('of zstd', () => {
    const small = compressZstd(noise(1000));
    const huge = compressZstd(noise(1000), ['--long=27']);
    const reading =
      (bytes: Uint8Array, after: (live: LiveCursor) => Promise<void> | void = () => {}) =>
      async (live: LiveCursor) => {
        live.cursor.seek(BLOB_START);
        live.cursor.push(bytes, true);
        expect(live.cursor.skip(1000)).toBe(1000);
        await after(live);
      };
    /** Cursors that stand at 1000 for the owner. */
    async function idleOf(pool: CursorPool, owner: object): Promise<LiveCursor[]> {
      const found: LiveCursor[] = [];
      const uses = Array.from({ length: 8 }, () =>
        pool.use({ owner, codec: zstd, from: 1000, to: 1000 }, async (live, resumed) => {
          if (resumed) found.push(live);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }),
      );
      await Promise.all(uses);
      return found;
    }

    it('has eight cursors in use and two idle ones', async () => {
      const pool = newPool();
      const owner = {};
      let busy = 0;
      let most = 0;
      const uses = Array.from({ length: 20 }, () =>
        pool.use(
          { owner, codec: zstd, from: 0, to: 0 },
          reading(small, async () => {
            most = Math.max(most, ++busy);
            await new Promise(setImmediate);
            busy--;
          }),
        ),
      );
      await Promise.all(uses);
      expect(most).toBe(8);
      expect(await idleOf(pool, owner)).toHaveLength(2);
    });

    it('has one cursor with a window of 128 MiB, once it knows the layer, beside a small one', async () => {
      const pool = newPool();
      const [owner, other] = [{}, {}];
      const want = (of: object) => ({ owner: of, codec: zstd, from: 0, to: 0 });
      const seen = new Set<object>();
      let busy = 0;
      await pool.use(want(owner), reading(huge));
      const uses = Array.from({ length: 5 }, () =>
        pool.use(
          want(owner),
          reading(huge, async ({ cursor }) => {
            seen.add(cursor);
            expect(++busy).toBe(1);
            await new Promise(setImmediate);
            busy--;
          }),
        ),
      );
      await Promise.all(uses);
      expect(seen.size).toBe(1);
      await pool.use(want(other), reading(small));
      const [idle] = await idleOf(pool, owner);
      expect(idle!.cursor.memorySize).toBeGreaterThan(128 * 2 ** 20);
    });

    it('takes little memory again for a small window', async () => {
      const cursor = zstd.cursor();
      const sizes: number[] = [];
      for (const bytes of [small, huge, huge, small, huge]) {
        await reading(bytes)({ codec: zstd, cursor, page: new Uint8Array(0), fed: undefined });
        sizes.push(cursor.memorySize >> 20);
      }
      expect(sizes.map((size) => size > 100)).toEqual([false, true, true, false, true]);
      expect(Math.max(sizes[0]!, sizes[3]!)).toBeLessThan(8);
    });
  });

  it('forgets where a cursor stands whose use failed, and the page that was lent for it', async () => {
    const pool = newPool();
    const owner = {};
    let failed: LiveCursor | undefined;
    const failing = pool.use({ owner, codec, from: 0, to: 0 }, async (live) => {
      await walkTo(4000)(live, false);
      failed = live;
      throw new Error('in the middle');
    });
    await expect(failing).rejects.toThrow('in the middle');
    expect(await standing(pool, owner, 0, 9000)).toBe(false);
    const pages = new Set<Uint8Array>();
    for (let i = 0; i < 8; i++) {
      await pool.use({ owner: {}, codec, from: 0, to: 0 }, async (live) => void pages.add(live.page));
    }
    expect(pages.has(failed!.page)).toBe(false);
  });

  it('lets a reader leave that waits for a free one', async () => {
    const pool = newPool();
    let open!: () => void;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const uses = Array.from({ length: 32 }, () => pool.use({ owner: {}, codec, from: 0, to: 0 }, () => gate));
    const controller = new AbortController();
    const waiting = pool.use({ owner: {}, codec, from: 0, to: 0 }, async () => {}, controller.signal);
    controller.abort(new Error('no more'));
    await expect(waiting).rejects.toThrow('no more');
    open();
    await Promise.all(uses);
  });
});
