import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReadAhead } from '#dist/blob/read-ahead.js';

/** Reads single pages one after the other; what was asked ahead, `first-end`. */
function ahead(readAhead: ReadAhead, pages: number[]): string[] {
  return pages.map((page) => {
    const asked = readAhead.note(page, page);
    return asked ? `${asked.first}-${asked.end}` : '';
  });
}

const range = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i);

describe('ReadAhead', () => {
  test('doubles up to 8 MiB and asks again while half is left', () => {
    const asked = ahead(new ReadAhead(1000), range(0, 90)).flatMap((text, page) =>
      text ? [`${page}: ${text}`] : [],
    );
    expect(asked).toEqual([
      '1: 2-4',
      '2: 4-8',
      '5: 8-16',
      '11: 16-32',
      '23: 32-64',
      '47: 64-96',
      '79: 96-128',
    ]);
  });

  test('stops at the end of the blob', () => {
    expect(ahead(new ReadAhead(6), range(0, 6))).toEqual(['', '2-4', '4-6', '', '', '']);
    expect(ahead(new ReadAhead(1), [0, 0])).toEqual(['', '']);
  });

  test('again and again in the same page is not going on', () => {
    expect(ahead(new ReadAhead(100), [4, 4, 4, 4])).toEqual(['', '', '', '']);
  });

  test('a jump begins anew, short', () => {
    expect(ahead(new ReadAhead(1000), [0, 1, 2, 500, 501, 502])).toEqual([
      '',
      '2-4',
      '4-8',
      '',
      '502-504',
      '504-508',
    ]);
  });

  test('four readers side by side are told apart', () => {
    const pages = range(0, 3).flatMap((i) => [i, 100 + i, 200 + i, 300 + i]);
    expect(ahead(new ReadAhead(1000), pages).filter(Boolean)).toEqual([
      '2-4', '102-104', '202-204', '302-304',
      '4-8', '104-108', '204-208', '304-308',
    ]); // biome-ignore format: one line a round
  });

  test('whatever is read: it asks for later pages inside the blob, and for none twice in one sequence', () => {
    const reads = fc.array(fc.tuple(fc.nat(99), fc.nat(3)), { maxLength: 200 });
    fc.assert(
      fc.property(reads, (list) => {
        const readAhead = new ReadAhead(100);
        for (const [first, more] of list) {
          const last = Math.min(first + more, 99);
          const asked = readAhead.note(first, last);
          if (!asked) continue;
          expect(asked.first).toBeGreaterThan(last);
          expect(asked.end).toBeGreaterThan(asked.first);
          expect(asked.end).toBeLessThanOrEqual(Math.min(100, asked.first + 32));
        }
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 60 }), (steps) => {
        const readAhead = new ReadAhead(1000);
        let page = 0;
        let until = 0;
        for (const step of steps) {
          const asked = readAhead.note(page, page + step - 1);
          page += step;
          if (!asked) continue;
          expect(asked.first).toBe(Math.max(until, page));
          until = asked.end;
        }
      }),
    );
  });
});
