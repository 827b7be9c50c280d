import { describe, expect, it } from 'vitest';
import { BufferPool } from '#src/base/buffer-pool.js';

it('hands out again what came back, no more than it keeps, and no other sizes', () => {
  const pool = new BufferPool(100, 2);
  const taken = [pool.take(100), pool.take(40), pool.take(0)];
  expect(taken.map(({ length }) => length)).toEqual([100, 40, 0]);
  expect(new Set(taken.map(({ buffer }) => buffer)).size).toBe(3);
  for (const { buffer } of taken) pool.release(buffer);
  const large = pool.take(101);
  expect(large.length).toBe(101);
  pool.release(large.buffer);
  const again = [pool.take(7), pool.take(8), pool.take(9)];
  const known = again.filter(({ buffer }) => taken.some((one) => one.buffer === buffer));
  expect(known).toHaveLength(2);
  for (const { buffer } of again) expect(buffer.byteLength).toBe(100);
});

describe('a ring of buffers', () => {
  it('makes so many, then waits for one to come back', async () => {
    const ring = new BufferPool(100, 2);
    const [first, second] = [await ring.next(), await ring.next()];
    expect([first.length, second.length]).toEqual([100, 100]);
    expect(first.buffer).not.toBe(second.buffer);
    const order: string[] = [];
    const waiting = ['a', 'b'].map(async (name) => {
      const bytes = await ring.next();
      order.push(name);
      return bytes.buffer;
    });
    ring.release(second.buffer as ArrayBuffer);
    ring.release(first.buffer as ArrayBuffer);
    expect(await Promise.all(waiting)).toEqual([second.buffer, first.buffer]);
    expect(order).toEqual(['a', 'b']);
    ring.release(first.buffer as ArrayBuffer);
    expect((ring.next() as Uint8Array).buffer).toBe(first.buffer);
  });
});
