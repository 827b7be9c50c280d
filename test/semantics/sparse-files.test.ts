import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { run } from '../support/child.js';
import * as tar from '../support/tar.js';
import { file, hardlink, type Member, raw } from './members.js';
import { playCases } from './play.js';

/**
 * Rule E3: sparse files of all formats. Holes read as zeros, the size is the logical one, st_blocks
 * counts data only.
 */
const LAST = file('last', 'last');
const BLOCK = 512;

interface Sparse {
  size: number;
  pieces: tar.Piece[];
}

/** Bytes that tell where they stand. */
const data = (offset: number, length: number): tar.Piece => ({
  offset,
  data: Buffer.from(Array.from({ length }, (_, at) => 1 + ((offset + at * 7) % 251))),
});

const SHAPES: Record<string, Sparse> = {
  'holes all around': { size: 5000, pieces: [data(1000, 10), data(3000, 700)] },
  'data first and last': { size: 9000, pieces: [data(0, 3), data(8990, 10)] },
  'one piece that is the whole': { size: 1500, pieces: [data(0, 1500)] },
  'nothing but a hole': { size: 4096, pieces: [] },
  'an empty piece at the end, as GNU tar writes it': {
    size: 6000,
    pieces: [data(512, 512), { offset: 6000, data: '' }],
  },
  'pieces side by side': { size: 300, pieces: [data(0, 100), data(100, 100), data(200, 100)] },
  'more pieces than a header holds, and than an extension': {
    size: 60_000,
    pieces: Array.from({ length: 55 }, (_, at) => data(at * 1000 + 7, 13)),
  },
  'a map that is longer than a block': {
    size: 50_000,
    pieces: Array.from({ length: 120 }, (_, at) => data(at * 400 + 1, 399 - at)),
  },
};

const logical = ({ size, pieces }: Sparse) => {
  const out = Buffer.alloc(size);
  for (const piece of pieces) Buffer.from(piece.data as Buffer).copy(out, piece.offset);
  return `=${out.toString('latin1')}`;
};
const blocks = ({ pieces }: Sparse) =>
  String(Math.ceil(pieces.reduce((sum, piece) => sum + piece.data.length, 0) / BLOCK));

const FORMATS: Record<string, (path: string, sparse: Sparse) => Member> = {
  'old GNU': (path, { size, pieces }) => raw((root) => tar.oldGnuSparse(`${root}/${path}`, size, pieces)),
  'PAX 0.0': (path, { size, pieces }) => raw((root) => tar.paxSparse('0.0', `${root}/${path}`, size, pieces)),
  'PAX 0.1': (path, { size, pieces }) => raw((root) => tar.paxSparse('0.1', `${root}/${path}`, size, pieces)),
  'PAX 1.0': (path, { size, pieces }) => raw((root) => tar.paxSparse('1.0', `${root}/${path}`, size, pieces)),
};

/** An empty map means no data and the whole size; Go takes a header without pieces for none. */
const EMPTY_MAPS = ['PAX 0.0: nothing but a hole', 'PAX 0.1: nothing but a hole'];

const crossed = Object.fromEntries(
  Object.entries(FORMATS).flatMap(([format, member]) =>
    Object.entries(SHAPES).map(([shape, sparse]) => [
      `${format}: ${shape}`,
      {
        layers: [[file('before', 'before'), member('s', sparse), LAST]],
        tree: { before: '=before', s: logical(sparse), last: '=last' },
        attributes: { s: { size: String(sparse.size), blocks512: blocks(sparse) } },
        ...(EMPTY_MAPS.includes(`${format}: ${shape}`) && { notUmoci: 'takes an empty map for none' }),
        ...(format === 'old GNU' && { notUmoci: 'knows no type S' }),
      },
    ]),
  ),
);

const SOME = SHAPES['holes all around']!;

const scene = playCases({
  ...crossed,
  'links to a sparse file, in its layer and above': {
    layers: [[FORMATS['PAX 1.0']!('s', SOME), hardlink('same', 's')], [hardlink('above', 's')]],
    tree: { s: logical(SOME), same: logical(SOME), above: logical(SOME) },
    groups: [['above', 's', 'same']],
  },
  'a long name for a sparse file': {
    layers: [
      [
        raw((root) =>
          Buffer.concat([
            tar.gnuLongName(`${root}/${'l'.repeat(150)}`),
            tar.oldGnuSparse('cut', SOME.size, SOME.pieces),
          ]),
        ),
        raw((root) => tar.paxSparse('1.0', `${root}/${'p'.repeat(150)}`, SOME.size, SOME.pieces)),
        LAST,
      ],
    ],
    tree: { ['l'.repeat(150)]: logical(SOME), ['p'.repeat(150)]: logical(SOME), last: '=last' },
    notUmoci: 'knows no type S',
  },
  'sparse with attributes of its own': {
    layers: [
      [
        raw((root) =>
          tar.paxSparse('1.0', `${root}/s`, SOME.size, SOME.pieces, {
            uid: '70000',
            mtime: '5.5',
            'SCHILY.xattr.user.a': 'b',
          }),
        ),
      ],
    ],
    tree: { s: logical(SOME) },
    attributes: { s: { uid: '70000', mtime: '5.5000000000', xattrs: 'user.a=0x62' } },
  },
});

it('reads at any offset of a sparse file are right', async () => {
  const path = [...scene.listing.keys()].find((key) => scene.listing.get(key)!.size === '50000')!;
  const whole = Buffer.from(logical(SHAPES['a map that is longer than a block']!).slice(1), 'latin1');
  const reads = Array.from(
    { length: 40 },
    (_, at) => [(at * 7919) % 50_000, 1 + ((at * 104_729) % 3000)] as const,
  );
  const script = reads
    .map(
      ([skip, count]) =>
        `dd if="$1" iflag=skip_bytes,count_bytes skip=${skip} count=${count} bs=4k status=none`,
    )
    .join('\n');
  const { stdout } = await run('bash', ['-euc', script, 'bash', path], { cwd: scene.mountpoint });
  expect(stdout).toBe(
    Buffer.concat(reads.map(([skip, count]) => whole.subarray(skip, skip + count))).toString('latin1'),
  );
});

it('a file of 8 TiB has its size, its blocks and its last bytes', async () => {
  const TIB = 2 ** 40;
  const pieces = [
    { offset: 5 * TIB, data: 'middle' },
    { offset: 8 * TIB - 5, data: 'tail\n' },
  ];
  const image = tar.tarOf(
    tar.oldGnuSparse('old', 8 * TIB, pieces),
    tar.paxSparse('1.0', 'new', 8 * TIB, pieces),
    tar.paxSparse('0.1', 'hole', 2 ** 53 - 1, [{ offset: 2 ** 53 - 1, data: '' }]),
  );
  const mountpoint = await scene.mountAnother('huge', [gzipSync(image)]);
  const script = `
    stat -c '%n %s %b' old new hole
    for f in old new; do
      tail -c 5 $f; dd if=$f iflag=skip_bytes,count_bytes skip=${5 * TIB - 3} count=12 bs=64k status=none | od -An -tx1
    done
    dd if=hole iflag=skip_bytes,count_bytes skip=${2 ** 53 - 5} count=9 bs=64k status=none | od -An -tx1`;
  const { stdout } = await run('bash', ['-euc', script], { cwd: mountpoint });
  const middle = ' 00 00 00 6d 69 64 64 6c 65 00 00 00\n';
  expect(stdout).toBe(
    `old ${8 * TIB} 1\nnew ${8 * TIB} 1\nhole ${2 ** 53 - 1} 0\ntail\n${middle}tail\n${middle} 00 00 00 00\n`,
  );
});
