import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PairIndex } from '#src/overlay/usage/pair-index.js';

it('finds each pair that was added, and no other', () => {
  const number = fc.oneof(fc.nat(20), fc.nat());
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number), { maxLength: 300 }), (pairs) => {
      const index = new PairIndex();
      const [firsts, seconds]: [number[], number[]] = [[], []];
      const known = new Map<string, number>();
      for (const [first, second] of pairs) {
        const found = index.find(first, second, firsts, seconds);
        expect(found).toBe(known.get(`${first} ${second}`) ?? -1);
        if (found !== -1) continue;
        known.set(`${first} ${second}`, firsts.length);
        firsts.push(first);
        seconds.push(second);
        index.add(firsts.length - 1, firsts, seconds);
      }
    }),
    { numRuns: 200 },
  );
});
