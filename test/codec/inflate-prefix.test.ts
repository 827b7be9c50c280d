import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inflatePrefix } from '#src/codec/inflate-prefix.js';
import { PLAIN_KINDS, plain } from './gzip/plain.js';

function outcome(inflate: () => Uint8Array): Uint8Array | string {
  try {
    return inflate();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('the prefix of a deflate stream', () => {
  it.each(PLAIN_KINDS)('of %s is what was deflated, at any length', (kind) => {
    // More than a buffer of the engine holds.
    const data = plain(kind, 700_000);
    const stream = deflateRawSync(data, { level: 1 });
    for (const length of [0, 1, 1000, 262_143, 262_144, 400_000, 700_000]) {
      expect(Buffer.compare(inflatePrefix(stream, length), data.subarray(0, length))).toBe(0);
    }
  });

  it.each([0, 5000, 700_000])('of a stream of %d bytes has no more of them', (size) => {
    const stream = deflateRawSync(plain('letters', size));
    expect(() => inflatePrefix(stream, size + 1)).toThrowError(
      expect.objectContaining({
        code: 'CORRUPT_LAYER',
        message: `inflating a deflate stream: got ${size} bytes, want ${size + 1}`,
      }),
    );
  });

  it('that is cut short is CORRUPT_LAYER, and whole where it is long enough', () => {
    const data = plain('letters', 20_000);
    const stream = deflateRawSync(data);
    for (let cut = 0; cut < stream.length; cut += cut > stream.length - 500 ? 1 : 97) {
      const part = stream.subarray(0, cut);
      // The last bits may be those of the block's end only.
      const whole = outcome(() => inflatePrefix(part, data.length));
      if (cut < stream.length - 2) expect(whole).toBe('CORRUPT_LAYER');
      if (whole instanceof Uint8Array) expect(Buffer.compare(whole, data)).toBe(0);
      if (cut > 3000) expect(Buffer.compare(inflatePrefix(part, 1000), data.subarray(0, 1000))).toBe(0);
    }
  });

  it('that is damaged is what zlib makes of it, or CORRUPT_LAYER', () => {
    const stream = deflateRawSync(plain('copies', 5000));
    fc.assert(
      fc.property(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const damaged = Uint8Array.from(stream);
        damaged[at]! ^= bits;
        let ours: Uint8Array | undefined;
        try {
          ours = inflatePrefix(damaged, 5000);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CORRUPT_LAYER' });
        }
        let zlibs: Uint8Array | undefined;
        try {
          zlibs = inflateRawSync(damaged).subarray(0, 5000);
        } catch {
          // Wrong somewhere, perhaps after the prefix.
        }
        if (ours && zlibs) expect(Buffer.compare(ours, zlibs)).toBe(0);
        if (zlibs?.length === 5000) expect(ours).toBeDefined();
      }),
    );
  });
});
