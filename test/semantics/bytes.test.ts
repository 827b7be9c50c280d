import { createHash } from 'node:crypto';
import { constants, crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import {
  DOCKER_LAYER_GZIP,
  OCI_LAYER_GZIP,
  OCI_LAYER_TAR,
  OCI_LAYER_ZSTD,
  pushImage,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../support/registry.js';
import { dir, file, tarOf, zeroBlock } from '../support/tar.js';
import { compressZstd } from '../support/zstd.js';
import { gzipMember, gzipMembers, type MemberHeader, STRATEGIES } from './gzip-members.js';

/**
 * Packings of a layer. Each is one layer of one image, with the same files in its own directory.
 */

/** Neither repeats nor is random: every sort of deflate block comes. */
const CONTENT = Buffer.concat(
  Array.from({ length: 3000 }, (_, at) => {
    const hash = createHash('sha256').update(String(at)).digest();
    return at % 3 === 0 ? hash : Buffer.from(`${at} ${hash.toString('base64').repeat(at % 7)}\n`);
  }),
);
const SMALL = 'small\n';
const ARCHIVE_END = 1024;

const tar = (at: number) =>
  tarOf(
    dir(`d${at}`),
    file(`d${at}/large`, CONTENT),
    file(`d${at}/small`, SMALL),
    file(`d${at}/tail`, SMALL),
  );
const withHeader = (header: MemberHeader) => (bytes: Buffer) => gzipMember(bytes, header);
/** Deflate blocks of every kind in one stream, empty ones between. */
const mixed = (bytes: Buffer) => {
  const cut = (from: number, to: number, options: object) =>
    deflateRawSync(bytes.subarray(from, to), { ...options, finishFlush: constants.Z_FULL_FLUSH });
  const third = Math.floor(bytes.length / 3);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([
    gzipMember(Buffer.alloc(0)).subarray(0, 10),
    cut(0, third, { level: 0 }),
    cut(third, third, {}),
    cut(third, 2 * third, { strategy: constants.Z_FIXED }),
    cut(2 * third, bytes.length, { level: 9 }),
    Buffer.from([0x03, 0x00]), // an empty last block
    trailer,
  ]);
};

interface Packing {
  pack: (tar: Buffer) => Buffer;
  mediaType?: string;
}

const PACKINGS: Record<string, Packing | Packing['pack']> = {
  'gzip as usual': (bytes) => gzipSync(bytes),
  'plain tar': { pack: (bytes) => bytes, mediaType: OCI_LAYER_TAR },
  'plain tar called gzip': { pack: (bytes) => bytes, mediaType: OCI_LAYER_GZIP },
  'gzip called tar': { pack: (bytes) => gzipSync(bytes), mediaType: OCI_LAYER_TAR },
  'zstd as containers have it': (bytes) => Buffer.from(compressZstd(bytes)),
  'zstd called gzip': { pack: (bytes) => Buffer.from(compressZstd(bytes)), mediaType: OCI_LAYER_GZIP },
  'zstd of many frames, with empty and skippable ones': (bytes) =>
    Buffer.concat([
      Buffer.from('502a4d180400000061626364', 'hex'),
      compressZstd(bytes.subarray(0, 1000)),
      compressZstd(Buffer.alloc(0)),
      Buffer.from('5f2a4d1800000000', 'hex'),
      compressZstd(bytes.subarray(1000), ['--no-check', '-19']),
      Buffer.from('512a4d180400000028b52ffd', 'hex'),
    ]),
  'zstd with a window of 128 MiB': (bytes) => Buffer.from(compressZstd(bytes, ['--long=27'])),
  'gzip called zstd': { pack: (bytes) => gzipSync(bytes), mediaType: OCI_LAYER_ZSTD },
  'plain tar called docker’s gzip': { pack: (bytes) => bytes, mediaType: DOCKER_LAYER_GZIP },
  'gzip of an unknown media type': {
    pack: (bytes) => gzipSync(bytes),
    mediaType: 'application/vnd.example.layer',
  },
  'every header field': withHeader({
    text: true,
    time: 0x7fffffff,
    extra: Buffer.from('AB\x04\x00data'),
    name: 'layer \xe9.tar',
    comment: 'a comment',
    headerCrc: true,
  }),
  'an extra field of 65535 bytes': withHeader({ extra: Buffer.alloc(65_535, 0x1f) }),
  'a name of 100,000 bytes': withHeader({ name: 'n'.repeat(100_000) }),
  'an empty name, an empty comment, an empty extra field': withHeader({
    name: '',
    comment: '',
    extra: Buffer.alloc(0),
  }),
  ...Object.fromEntries(
    Object.entries(STRATEGIES).map(([name, deflate]) => [`deflate: ${name}`, withHeader({ deflate })]),
  ),
  'deflate: every kind of block': mixed,
  'members of 512 bytes': (bytes) => gzipMembers(bytes, 512),
  'members of 100,001 bytes': (bytes) => gzipMembers(bytes, 100_001, { name: 'x', headerCrc: true }),
  'a member of one byte, empty members before, between and after': (bytes) =>
    Buffer.concat([
      gzipMember(Buffer.alloc(0)),
      gzipMember(bytes.subarray(0, 1)),
      gzipMember(Buffer.alloc(0), { comment: 'nothing' }),
      gzipMember(bytes.subarray(1)),
      gzipMember(Buffer.alloc(0)),
    ]),
  'one zero after it': (bytes) => Buffer.concat([gzipSync(bytes), Buffer.alloc(1)]),
  'many zeros after it': (bytes) => Buffer.concat([gzipSync(bytes), Buffer.alloc(300_000)]),
  'no end of archive': (bytes) => gzipSync(bytes.subarray(0, -ARCHIVE_END)),
  'no end of archive, plain': { pack: (bytes) => bytes.subarray(0, -ARCHIVE_END), mediaType: OCI_LAYER_TAR },
  'half an end of archive': (bytes) => gzipSync(bytes.subarray(0, -512)),
  'no padding of the last file': (bytes) => gzipSync(bytes.subarray(0, -ARCHIVE_END - 512 + SMALL.length)),
  'zeros after the end of archive': (bytes) => gzipSync(Buffer.concat([bytes, Buffer.alloc(9 * 512 + 100)])),
  'another archive after the end of archive': (bytes) =>
    gzipSync(Buffer.concat([bytes, tarOf(file('never', 'never')), Buffer.from('garbage')])),
  'headers where members are cut': (bytes) =>
    Buffer.concat(
      [0, 100, 512, 700, 1024, 1100, bytes.length]
        .slice(1)
        .map((end, at) => gzipMember(bytes.subarray([0, 100, 512, 700, 1024, 1100][at], end))),
    ),
};

const EMPTY: Record<string, Buffer> = {
  'an empty blob': Buffer.alloc(0),
  'gzip of nothing': gzipSync(Buffer.alloc(0)),
  'an end of archive alone': tarOf(),
  'gzip of an end of archive': gzipSync(tarOf()),
  'one zero block': zeroBlock(),
  'docker’s own empty layer': Buffer.from(
    '1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000',
    'hex',
  ),
};

const place = new Workplace();
let registry: TestRegistry;
let mnt: string;

beforeAll(async () => {
  registry = await startRegistry();
  const layers = Object.values(PACKINGS).map((packing, at) => {
    const { pack, mediaType } =
      typeof packing === 'function' ? { pack: packing, mediaType: undefined } : packing;
    const plain = tar(at);
    return { bytes: pack(plain), diffId: sha256(plain), ...(mediaType && { mediaType }) };
  });
  const empty = Object.values(EMPTY).map((bytes) => ({ bytes, diffId: sha256(bytes) }));
  await pushImage(registry, 'library/bytes:latest', { layers: [...layers, ...empty] });
  mnt = await place.mount(`${registry.host}/library/bytes:latest`);
});
afterAll(async () => {
  await place.cleanUp();
  await registry?.stop();
});

describe('a layer packed as', () => {
  it.each(Object.keys(PACKINGS).map((name, at) => [name, at] as const))('%s', async (_, at) => {
    const { stdout } = await run('sha256sum', ['large', 'small', 'tail'], { cwd: `${mnt}/d${at}` });
    const sum = (bytes: Uint8Array | string) => sha256(bytes).slice('sha256:'.length);
    expect(stdout).toBe(`${sum(CONTENT)}  large\n${sum(SMALL)}  small\n${sum(SMALL)}  tail\n`);
    // Again, from the middle.
    const part = await run(
      'dd',
      [
        'if=large',
        'iflag=skip_bytes,count_bytes,direct',
        'bs=4096',
        'skip=77824',
        'count=8192',
        'status=none',
      ],
      {
        cwd: `${mnt}/d${at}`,
      },
    );
    expect(part.stdout).toBe(CONTENT.subarray(77_824, 86_016).toString('latin1'));
  });
});

it('nothing else is there: empty layers, and what comes after an archive’s end', async () => {
  const { stdout } = await run('ls', ['-A'], { cwd: mnt });
  expect(stdout.split('\n').filter(Boolean).sort()).toEqual(
    Object.keys(PACKINGS)
      .map((_, at) => `d${at}`)
      .sort(),
  );
  expect((await run('find', ['.', '-type', 'f'], { cwd: mnt })).stdout.split('\n').length - 1).toBe(
    3 * Object.keys(PACKINGS).length,
  );
});
