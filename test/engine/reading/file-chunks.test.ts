import { expect, it } from 'vitest';
import { fileChunks } from '#src/engine/reading/file-chunks.js';

/** Chunks of the given `[outOffset, size]`; those with a third element are holes. */
function table(...chunks: [number, number, 'hole'?][]) {
  const column = (of: (chunk: [number, number, 'hole'?], number: number) => number) =>
    Float64Array.from(chunks, of);
  return {
    length: chunks.length,
    outOffsets: column(([offset]) => offset),
    sizes: column(([, size]) => size),
    inOffsets: column((_, number) => number * 100),
    inEnds: column(([, , hole], number) => (hole ? 0 : (number + 1) * 100)),
    innerOffsets: column(() => 0),
    digests: Buffer.concat(chunks.map((_, number) => Buffer.alloc(32, number + 1))),
  };
}
const digest = (number: number) => Buffer.alloc(32, number);

it('are those that make the file, whole and without a gap', () => {
  const chunks = table([512, 10], [1536, 4], [1540, 6], [2560, 8, 'hole']);
  expect(fileChunks(chunks, 1536, 10)).toEqual([
    { size: 4, digest: digest(2) },
    { size: 6, digest: digest(3) },
  ]);
  expect(fileChunks(chunks, 512, 10)).toEqual([{ size: 10, digest: digest(1) }]);
  expect(fileChunks(chunks, 2560, 8)).toEqual([{ size: 8, digest: undefined }]);
  expect(fileChunks(chunks, 1536, 0)).toEqual([]);
});

it.each([
  ['begins inside one', 514, 8],
  ['ends inside one', 1536, 8],
  ['has a gap', 512, 1034],
  ['is longer than the table', 2560, 9],
  ['is nowhere', 4096, 1],
])('are not given if the file %s', (_, offset, size) => {
  expect(fileChunks(table([512, 10], [1536, 4], [1540, 6], [2560, 8]), offset, size)).toBeUndefined();
});
