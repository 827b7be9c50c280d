import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unpackWindow, WindowPacker } from '#dist/layer/window-packing.js';

const packer = new WindowPacker();
const WINDOW = 32 * 1024;

/** Runs of zeros and of one other byte, as a sparse window has them. */
const windows = fc
  .array(fc.record({ length: fc.nat(2000), value: fc.constantFrom(0, 0, 1, 255) }), { maxLength: 40 })
  .map((runs) =>
    Buffer.concat(runs.map(({ length, value }) => Buffer.alloc(length, value))).subarray(0, WINDOW),
  );

describe('packed windows', () => {
  it.each([
    ['one byte', Uint8Array.of(5)],
    ['zeros', new Uint8Array(WINDOW)],
    ['no zeros', new Uint8Array(WINDOW).fill(7)],
    ['every other word zero', new Uint8Array(WINDOW).map((_, i) => (i & 4 ? 0 : 1))],
    ['two words in three zero', new Uint8Array(WINDOW).map((_, i) => ((i >> 2) % 3 ? 0 : 1))],
    ['an odd length', new Uint8Array(1001).map((_, i) => (i > 990 ? 9 : 0))],
  ])('%s', (_, window) => {
    expect(Buffer.compare(unpackWindow(packer.pack(window), window.length), window)).toBe(0);
  });

  it('come back as they were, whatever was packed before', () => {
    fc.assert(
      fc.property(fc.oneof(windows, fc.uint8Array({ maxLength: 300 })), (window) => {
        expect(Buffer.compare(unpackWindow(packer.pack(window), window.length), window)).toBe(0);
      }),
    );
  });

  it('are short when the window is sparse', () => {
    const window = new Uint8Array(WINDOW).map((_, i) => (i % 4096 < 8 ? 1 : 0));
    expect(packer.pack(window).length).toBeLessThan(120);
  });

  it('are refused when damaged, or unpacked into what they were', () => {
    fc.assert(
      fc.property(windows, fc.nat(), fc.nat(255), fc.nat(), (window, place, value, cut) => {
        const packed = packer.pack(window).slice(0, cut % 3 === 0 ? cut : undefined);
        if (packed.length > 0) packed[place % packed.length] = value;
        try {
          expect(unpackWindow(packed, window.length)).toHaveLength(window.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CORRUPT_LAYER' });
        }
      }),
    );
  });
});
