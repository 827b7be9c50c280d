import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteLru } from '#src/cache/byte-lru.js';

/** What it must do, said plainly: an array, used last comes last. */
class NaiveLru {
  items: { key: number; value: object; bytes: number }[] = [];
  constructor(readonly cap: number) {}

  get(key: number): object | undefined {
    const item = this.items.find((one) => one.key === key);
    if (item) this.items = [...this.items.filter((one) => one !== item), item];
    return item?.value;
  }

  set(key: number, value: object, bytes: number): void {
    this.items = this.items.filter((one) => one.key !== key);
    if (bytes > this.cap) return;
    this.items.push({ key, value, bytes });
    while (this.bytes > this.cap) this.items.shift();
  }

  get bytes(): number {
    return this.items.reduce((sum, one) => sum + one.bytes, 0);
  }
}

describe('ByteLru', () => {
  const keys = fc.integer({ min: 0, max: 8 });
  const operations = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('get' as const), key: keys }),
      fc.record({ kind: fc.constant('set' as const), key: keys, bytes: fc.integer({ min: 1, max: 120 }) }),
    ),
    { maxLength: 60 },
  );

  test('does what a plain list does, and never exceeds its cap', () => {
    fc.assert(
      fc.property(operations, (list) => {
        const lru = new ByteLru<number, object>(100);
        const naive = new NaiveLru(100);
        for (const operation of list) {
          const { key } = operation;
          if (operation.kind === 'get') expect(lru.get(key)).toBe(naive.get(key));
          else {
            const value = {};
            lru.set(key, value, operation.bytes);
            naive.set(key, value, operation.bytes);
          }
          expect(lru.bytes).toBe(naive.bytes);
          expect(lru.bytes).toBeLessThanOrEqual(100);
        }
      }),
    );
  });

  test('an item larger than the cap is not kept, drops what its key held, and spares the others', () => {
    const lru = new ByteLru<string, string>(10);
    lru.set('a', 'one', 5);
    lru.set('b', 'two', 5);
    lru.set('a', 'giant', 11);
    expect([lru.get('a'), lru.get('b')]).toEqual([undefined, 'two']);
  });

  test('cap 0 keeps nothing', () => {
    const lru = new ByteLru<string, string>(0);
    lru.set('a', 'one', 1);
    lru.set('b', 'none', 0);
    expect([lru.get('a'), lru.get('b'), lru.bytes]).toEqual([undefined, undefined, 0]);
  });
});
