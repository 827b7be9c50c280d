import fc from 'fast-check';
import { expect, test } from 'vitest';
import { getU64, LITTLE_ENDIAN, putU64 } from '#src/fuse/dev-fuse/wire.js';
import { deviceNumber, direntType, typeBits } from '#src/fuse/mode.js';

const view = new DataView(new ArrayBuffer(8));

test('a u64 written in two halves is what a BigInt would write', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      putU64(view, 0, value);
      expect(view.getBigInt64(0, LITTLE_ENDIAN)).toBe(BigInt(value));
      if (value >= 0) expect(getU64(view, 0)).toBe(value);
    }),
  );
});

test.each([-1, -(2 ** 32), -(2 ** 32) - 1, 2 ** 32 - 1, 2 ** 32, Number.MIN_SAFE_INTEGER, 0])(
  '%d',
  (value) => {
    putU64(view, 0, value);
    expect(view.getBigInt64(0, LITTLE_ENDIAN)).toBe(BigInt(value));
  },
);

test('what does not fit 53 bits is read as no safe integer', () => {
  view.setBigUint64(0, 2n ** 64n - 1n);
  expect(Number.isSafeInteger(getU64(view, 0))).toBe(false);
});

// new_encode_dev of linux/kdev_t.h, by hand: (minor & 0xff) | (major << 8) | ((minor & ~0xff) <<
// 12)
test.each([
  [0, 0, 0],
  [1, 3, 0x103],
  [8, 255, 0x8ff],
  [259, 256, 0x110300],
  [0xfff, 0xfffff, 0xffffffff],
])('device %d:%d', (major, minor, encoded) => {
  expect(deviceNumber(major, minor)).toBe(encoded);
});

test.each([
  ['file', 0o100000, 8],
  ['dir', 0o040000, 4],
  ['symlink', 0o120000, 10],
  ['char', 0o020000, 2],
  ['block', 0o060000, 6],
  ['fifo', 0o010000, 1],
] as const)('type of a %s', (kind, bits, dirent) => {
  expect([typeBits(kind), direntType(kind)]).toEqual([bits, dirent]);
});
