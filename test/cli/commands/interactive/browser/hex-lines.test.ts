import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hexLine, hexRowSize } from '#src/cli/commands/interactive/browser/file-screen/hex-lines.js';

it('shows a row as hexdump -C does', () => {
  const bytes = Buffer.from('root:x:0:0\n\xff', 'latin1');
  expect(hexLine(bytes, 16, 16, 100)).toBe(
    '00000010  72 6f 6f 74 3a 78 3a 30  3a 30 0a ff              |root:x:0:0..|',
  );
});

it.each([
  [200, 32],
  [80, 16],
  [60, 8],
  [40, 4],
  [24, 2],
  [1, 1],
])('in %d columns has %d bytes a row', (columns, bytes) => expect(hexRowSize(columns, 1000)).toBe(bytes));

it('fits, and shows every byte', () => {
  const sizes = fc.constantFrom(100, 2 ** 32, 2 ** 45);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1 }),
      fc.integer({ min: 40, max: 250 }),
      sizes,
      (all, columns, size) => {
        const rowSize = hexRowSize(columns, size);
        const bytes = all.subarray(0, rowSize);
        const line = hexLine(bytes, size - bytes.length, rowSize, size);
        expect(line.length).toBeLessThanOrEqual(columns);
        const [offset, ...cells] = line.slice(0, line.indexOf('  |')).split(/ +/);
        expect(Number.parseInt(offset!, 16)).toBe(size - bytes.length);
        expect(cells.filter(Boolean).map((cell) => Number.parseInt(cell, 16))).toEqual([...bytes]);
      },
    ),
  );
});
