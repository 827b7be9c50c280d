import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseContentRange } from '#src/registry/pull/remote-blob.js';

test.each([
  ['bytes 0-0/1', { first: 0, last: 0, size: 1 }],
  ['bytes 5-9/*', { first: 5, last: 9, size: undefined }],
  [' Bytes  5-9/10 ', { first: 5, last: 9, size: 10 }],
  [undefined, undefined],
  ['', undefined],
  ['bytes */10', undefined],
  ['bytes 9-5/10', undefined],
  ['bytes 5-10/10', undefined],
  ['bytes -5/10', undefined],
  ['items 0-1/2', undefined],
  ['bytes 0-9999999999999999/*', undefined],
  ['bytes 0-1/2, bytes 3-4/5', undefined],
])('%s', (text, wanted) => {
  expect(parseContentRange(text)).toEqual(wanted);
});

test('what is a range comes back', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (first, more, rest) => {
      const range = { first, last: first + more, size: first + more + rest + 1 };
      expect(parseContentRange(`bytes ${range.first}-${range.last}/${range.size}`)).toEqual(range);
    }),
  );
});
