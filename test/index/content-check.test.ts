import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ContentCheck } from '#src/index/content-check.js';
import type { ChunkColumns } from '#src/index/layer-index.js';
import type { TarEntry } from '#src/tar/entry.js';
import { TarScanner } from '#src/tar/tar-scanner.js';
import { noise } from '../blob/bytes.js';
import { dir, file, paxSparse, tarOf } from '../support/tar.js';

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** A chunk of the virtual tar; undefined bytes are a hole. */
interface Chunk {
  at: number;
  bytes?: Uint8Array;
  size?: number;
}

function columns(chunks: readonly Chunk[]): ChunkColumns {
  const sizes = chunks.map(({ bytes, size = bytes!.length }) => size);
  const ends = chunks.map(({ bytes }) => (bytes ? 1 : 0));
  return {
    length: chunks.length,
    outOffsets: Float64Array.from(chunks.map(({ at }) => at)),
    sizes: Float64Array.from(sizes),
    inOffsets: new Float64Array(chunks.length),
    inEnds: Float64Array.from(ends),
    innerOffsets: new Float64Array(chunks.length),
    digests: Buffer.concat(chunks.map(({ bytes }) => (bytes ? digestOf(bytes) : Buffer.alloc(32)))),
  };
}

/** Passes a tar in pieces, with the places that the table has for its files, in their order. */
function check(tar: Uint8Array, places: readonly number[], chunks: readonly Chunk[], step: number) {
  const content = new ContentCheck(columns(chunks));
  let files = 0;
  const scanner = new TarScanner({
    onEntry: (entry: TarEntry) => {
      if (entry.kind === 'file') content.add(entry, places[files++]!);
    },
    onWarning: () => {},
  });
  for (let at = 0; at < tar.length; at += step) {
    const piece = tar.subarray(at, at + step);
    scanner.push(piece, 0, piece.length);
    content.take(piece, at);
  }
  scanner.finish();
  return content.end();
}

const A = noise(70_000, 1);
const B = noise(3_000, 2);
const TAR = tarOf(file('a', A), dir('d/'), file('empty'), file('d/b', B));
/** Where a table without headers has the files. */
const PLACES = [512, 80_000, 90_000];
const CHUNKS: Chunk[] = [
  { at: 512, bytes: A.subarray(0, 40_000) },
  { at: 40_512, bytes: A.subarray(40_000) },
  { at: 90_000, bytes: B },
];

describe.each([1 << 20, 512, 999])('the contents of a layer that passes in pieces of %d bytes', (step) => {
  it('agree with chunks, whatever their places in the table', () => {
    expect(check(TAR, PLACES, CHUNKS, step)).toBeUndefined();
  });

  it('agree with chunks between those of files that are not compared', () => {
    const more = [{ at: 0, bytes: B }, CHUNKS[0]!, CHUNKS[1]!, { at: 85_000, bytes: A }, CHUNKS[2]!];
    expect(check(TAR, PLACES, more, step)).toBeUndefined();
  });

  it.each<[string, Chunk[], string]>([
    ['another digest', [CHUNKS[0]!, CHUNKS[1]!, { at: 90_000, bytes: noise(3_000, 3) }], 'd/b'],
    ['a hole where there are bytes', [CHUNKS[0]!, CHUNKS[1]!, { at: 90_000, size: 3_000 }], 'd/b'],
    ['no chunk for the end', [CHUNKS[0]!, CHUNKS[2]!], 'a'],
    ['no chunk for a file', [CHUNKS[0]!, CHUNKS[1]!], 'd/b'],
    ['a chunk over the end', [CHUNKS[0]!, CHUNKS[1]!, { at: 90_000, bytes: noise(3_001, 2) }], 'd/b'],
    ['a gap', [CHUNKS[0]!, { at: 40_513, bytes: A.subarray(40_001) }, CHUNKS[2]!], 'a'],
  ])('differ with %s', (_, chunks, path) => {
    expect(check(TAR, PLACES, chunks, step)).toBe(`the content of ${path}`);
  });

  it('of a sparse file have its holes', () => {
    const tar = tarOf(
      paxSparse('1.0', 's', 50_000, [
        { offset: 10_000, data: B },
        { offset: 20_000, data: 'x' },
      ]),
      paxSparse('1.0', 'holes', 5_000, []),
    );
    const all = Buffer.alloc(50_000);
    all.set(B, 10_000);
    all[20_000] = 0x78;
    const whole: Chunk = { at: 512, bytes: all };
    const holes: Chunk = { at: 60_000, size: 5_000 };
    const cut: Chunk[] = [
      { at: 512, size: 10_000 },
      { at: 10_512, bytes: all.subarray(10_000, 30_000) },
      { at: 30_512, size: 20_000 },
    ];
    expect(check(tar, [512, 60_000], [whole, holes], step)).toBeUndefined();
    expect(check(tar, [512, 60_000], [...cut, holes], step)).toBeUndefined();
    expect(check(tar, [512, 60_000], [{ at: 512, size: 50_000 }, holes], step)).toBe('the content of s');
    expect(check(tar, [512, 60_000], [whole], step)).toBe('the content of holes');
  });
});

it('a sparse file with more holes than are compared is refused', () => {
  const tar = tarOf(paxSparse('1.0', 's', 2 ** 40, [{ offset: 0, data: 'x' }]));
  expect(check(tar, [512], [{ at: 512, size: 2 ** 40 }], 1 << 20)).toBe('the content of s');
});
