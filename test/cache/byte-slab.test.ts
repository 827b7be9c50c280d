import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteSlab } from '#src/cache/byte-lru.js';

const SLOT = 64;
/** Of any length: that of 3 fills its slot. */
const content = (key: number) => new Uint8Array(1 + ((21 * key) % SLOT)).fill(key);

describe('a byte slab', () => {
  it('keeps what was used last, as a plain map of the same size does', () => {
    const steps = fc.array(fc.record({ key: fc.nat(12), write: fc.boolean() }), { maxLength: 200 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 8 }), (steps, slots) => {
        const slab = new ByteSlab(slots * SLOT, SLOT);
        const model: number[] = []; // used last comes last
        for (const { key, write } of steps) {
          const known = model.indexOf(key);
          if (known >= 0) model.splice(known, 1);
          if (write) {
            slab.set(key, content(key));
            expect([...slab.get(key)!]).toEqual([...content(key)]);
            if (model.length === slots) model.shift();
          } else {
            expect(slab.get(key) && [...slab.get(key)!]).toEqual(known >= 0 ? [...content(key)] : undefined);
          }
          if (write || known >= 0) model.push(key);
        }
        for (const key of model) expect([...slab.get(key)!]).toEqual([...content(key)]);
      }),
    );
  });

  it('has one slot even when the cap has room for none', () => {
    const slab = new ByteSlab(0, SLOT);
    slab.set(1, content(1));
    slab.set(2, content(2));
    expect([...slab.get(2)!]).toEqual([...content(2)]);
    expect(slab.get(1)).toBeUndefined();
  });

  it('does not keep the buffer that it was given', () => {
    const slab = new ByteSlab(4 * SLOT, SLOT);
    const bytes = content(9);
    slab.set(9, bytes);
    bytes.fill(0);
    expect([...slab.get(9)!]).toEqual([...content(9)]);
  });

  it('says what it has without counting that as a use', () => {
    const slab = new ByteSlab(2 * SLOT, SLOT);
    slab.set(1, content(1));
    slab.set(2, content(2));
    expect([slab.has(1), slab.has(3)]).toEqual([true, false]);
    slab.set(3, content(3));
    expect([1, 2, 3].map((key) => slab.has(key))).toEqual([false, true, true]);
  });
});
