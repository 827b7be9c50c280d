import { expect, it } from 'vitest';
import { chooseLayer } from '#src/image/choose-layer.js';
import type { ResolvedImage } from '#src/source/image-source.js';

const digestOf = (start: string) => `sha256:${start.padEnd(64, '0')}`;
const SHA512 = `sha512:${'abcdef1'.padEnd(128, '0')}`;
const EMPTY = digestOf('eeeeee');
const DIGESTS = [digestOf('abcdef1'), digestOf('abcdef2'), EMPTY, EMPTY, digestOf('123456'), SHA512];
const image = {
  reference: 'example.org/a:b',
  manifest: { layers: DIGESTS.map((digest) => ({ digest })) },
} as unknown as ResolvedImage;

it.each([
  [1, 1],
  [6, 6],
  [digestOf('abcdef2'), 2],
  [SHA512, 6],
  ['sha256:abcdef2', 2],
  ['sha256:abcdef2…', 2],
  ['abcdef2', 2],
  ['sha512:abcdef', 6],
  ['eeeeee', 3],
  ['123456', 5],
])('%s is layer %d', (wanted, number) => {
  expect(chooseLayer(image, wanted)).toBe(number);
});

it.each([
  ['sha256:abcdef', [1, 2]],
  ['abcdef1', [1, 6]],
])('%s is ambiguous: layers %j', (wanted, numbers) => {
  const named = numbers.map((number) => `layer ${number} is ${DIGESTS[number - 1]}`).join(', ');
  expect(() => chooseLayer(image, wanted)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: `layer ${wanted} of example.org/a:b is ambiguous: ${named}`,
    }),
  );
});

it.each([0, 7, '', '1', 'eeeee', 'sha256:', 'sha256:ffffff', 'sha512:eeeeee', 'ABCDEF2', `${EMPTY}0`])(
  'has no layer %j',
  (wanted) => {
    expect(() => chooseLayer(image, wanted)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  },
);
