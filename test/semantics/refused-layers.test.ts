import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Semaphore } from '#src/base/tasks/semaphore.js';
import type { Ended } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { OCI_LAYER_GZIP, pushImage, sha256, startRegistry, type TestRegistry } from '../support/registry.js';
import {
  base256,
  file,
  gnuLongName,
  headerBlock,
  oldGnuSparse,
  paxHeader,
  paxSparse,
  raw,
  tarOf,
  unterminated,
} from '../support/tar.js';
import { compressZstd } from '../support/zstd.js';
import { gzipMember } from './gzip-members.js';

/** Layers that no mount accepts. Each fails with one line and its status, and names the fault. */
const CORRUPT = 15;
const UNSUPPORTED = 16;
const AT_ONCE = 4; // mounts; the machine has two cores

const NOISE = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * at * 2654435761) >>> 13));
const FINE = tarOf(file('first', 'first'), file('noise', NOISE), file('last', 'last'));
const GZIP = gzipSync(FINE);

const damagedZstd = (damage: (bytes: Buffer) => Uint8Array, says: RegExp): Refusal => ({
  bytes: damage(Buffer.from(compressZstd(FINE))),
  says,
});
const badGzip = (bytes: Uint8Array) => bytes;
const badTar = (...members: Uint8Array[]) =>
  gzipSync(tarOf(file('first', 'first'), ...members, file('last', 'last')));
const cutTar = (...parts: Uint8Array[]) => gzipSync(unterminated(file('first', 'first'), ...parts));
/** A PAX header whose data is these bytes, whatever they are. */
const paxData = (data: string) =>
  Buffer.concat([headerBlock({ type: 'x', name: 'x', size: Buffer.from(data).length }), raw(data)]);
const paxRecord = (key: string, value: string) =>
  Buffer.concat([paxHeader({ [key]: value }), file('named', 'x')]);
const header = (fields: Parameters<typeof headerBlock>[0]) => headerBlock({ name: 'odd', ...fields });
const sparseMap = (map: string, realsize: string, data: string) =>
  Buffer.concat([
    paxHeader({
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 'sparse',
      'GNU.sparse.realsize': realsize,
    }),
    file('GNUSparseFile.0/sparse', Buffer.concat([raw(map), Buffer.from(data)])),
  ]);
/** A deflate stream that the member's trailer knows nothing of. */
const deflated = (...bytes: number[]) =>
  Buffer.concat([gzipMember(Buffer.alloc(0)).subarray(0, 10), Buffer.from(bytes), Buffer.alloc(64)]);

interface Refusal {
  bytes: Uint8Array;
  status?: number; // default: CORRUPT
  says?: RegExp;
  mediaType?: string;
}

const REFUSED: Record<string, Refusal | Uint8Array> = {
  // gzip
  'gzip, cut in its header': badGzip(GZIP.subarray(0, 7)),
  'gzip, cut in its first block': badGzip(GZIP.subarray(0, 40)),
  'gzip, cut in the middle': badGzip(GZIP.subarray(0, GZIP.length >> 1)),
  'gzip, without its trailer': badGzip(GZIP.subarray(0, -8)),
  'gzip, without the last byte': badGzip(GZIP.subarray(0, -1)),
  'gzip, wrong CRC32': gzipMember(FINE, { crc: 0x12345678 }),
  'gzip, wrong length': gzipMember(FINE, { size: FINE.length + 1 }),
  'gzip, wrong CRC32 of the second member': Buffer.concat([
    gzipMember(FINE.subarray(0, 3000)),
    gzipMember(FINE.subarray(3000), { crc: 1 }),
  ]),
  'gzip, wrong CRC32 of an empty last member': Buffer.concat([GZIP, gzipMember(Buffer.alloc(0), { crc: 1 })]),
  'gzip, wrong CRC16 of the header': gzipMember(FINE, { headerCrc: 0x1234, name: 'x' }),
  'gzip, reserved flags': gzipMember(FINE, { flags: 0x20 }),
  'gzip, another method': gzipMember(FINE, { method: 7 }),
  'gzip, garbage after it': Buffer.concat([GZIP, Buffer.from('garbage')]),
  'gzip, zeros and garbage after it': Buffer.concat([GZIP, Buffer.alloc(20), Buffer.from('garbage')]),
  'gzip, half a member after it': Buffer.concat([GZIP, GZIP.subarray(0, 500)]),
  'gzip, one byte of a member after it': Buffer.concat([GZIP, GZIP.subarray(0, 1)]),
  'deflate, block type 3': deflated(0x07),
  'deflate, a stored block whose length is not said twice': deflated(0x01, 5, 0, 0, 0),
  'deflate, a distance beyond the beginning': deflated(0x4b, 0x04, 0x02, 0x02),
  'deflate, one flipped byte': Buffer.concat([
    GZIP.subarray(0, 5000),
    Buffer.of(GZIP[5000]! ^ 0x55),
    GZIP.subarray(5001),
  ]),

  // tar
  'no tar at all': gzipSync(NOISE),
  text: Buffer.from('<html><body>login</body></html>'.repeat(40)),
  'a header cut after a byte': cutTar(Buffer.from('x')),
  'a header cut after 511 bytes': cutTar(file('cut', 'x').subarray(0, 511)),
  'a content cut in the middle': cutTar(file('cut', NOISE).subarray(0, 50_000)),
  'a content cut before its last byte': cutTar(file('cut', 'x'.repeat(700)).subarray(0, 512 + 699)),
  'a content that is missing': cutTar(file('cut', 'x').subarray(0, 512)),
  'a content cut short, plain tar': unterminated(file('cut', NOISE).subarray(0, 50_000)),
  'a PAX header cut short': cutTar(paxHeader({ comment: 'x'.repeat(2000) }).subarray(0, 1000)),
  'a PAX header with nothing after it': cutTar(paxHeader({ path: 'nothing' })),
  'a long name cut short': cutTar(gnuLongName('n'.repeat(700)).subarray(0, 800)),
  'a checksum that is wrong': badTar(header({ checksum: Buffer.from('0001234\0') })),
  'a checksum that is no number': badTar(header({ checksum: Buffer.from('abcdefg\0') })),
  'a size that is no number': badTar(header({ size: Buffer.from('12345678xyz\0') })),
  'a size that is negative': badTar(header({ size: base256(-512, 12) })),
  'a size of 2^60': badTar(header({ size: base256(2n ** 60n, 12) })),
  'a PAX size that is no number': badTar(paxRecord('size', '12x')),
  'a PAX size that is negative': badTar(paxRecord('size', '-512')),
  'a PAX size of 2^63': badTar(paxRecord('size', '9223372036854775808')),
  'a PAX size with a fraction': badTar(paxRecord('size', '1.5')),
  'a PAX size that wraps': badTar(paxRecord('size', '18446744073709551617')),
  'a PAX uid that is no number': badTar(paxRecord('uid', 'root')),
  'a PAX mtime that is no number': badTar(paxRecord('mtime', 'yesterday')),
  'a PAX record without length': badTar(paxData('path=x\n'), file('x')),
  'a PAX record that is longer than the header': badTar(paxData('99 path=x\n'), file('x')),
  'a PAX record that is shorter than it says': badTar(paxData('10 path=x\nuid=7\n'), file('x')),
  'a PAX record without =': badTar(paxData('10 path x\n'), file('x')),
  'a PAX record without its newline': badTar(paxData('10 path=xx'), file('x')),
  'a PAX record of length 0': badTar(paxData('0 path=x\n'), file('x')),
  'a PAX record of a length that overflows': badTar(paxData('99999999999999999999999 path=x\n'), file('x')),
  'a sparse file whose pieces overlap': badTar(
    oldGnuSparse('s', 1000, [
      { offset: 0, data: 'x'.repeat(100) },
      { offset: 50, data: 'y'.repeat(100) },
    ]),
  ),
  'a sparse file whose pieces go back': badTar(
    paxSparse('0.1', 's', 1000, [
      { offset: 500, data: 'x' },
      { offset: 0, data: 'y' },
    ]),
  ),
  'a sparse file with a piece beyond its size': badTar(
    paxSparse('1.0', 's', 100, [{ offset: 99, data: 'xy' }]),
  ),
  'a sparse map that needs more data than there is': badTar(sparseMap('1\n0\n5000\n', '9000', 'short')),
  'a sparse map that is no numbers': badTar(sparseMap('two\n1\n1\n', '100', 'x')),
  'a sparse map that does not end': badTar(sparseMap('9\n1\n1', '100', '')),
  'a sparse map whose offsets wrap': badTar(sparseMap('1\n9223372036854775807\n5\n', '100', 'xxxxx')),
  'a sparse map of 10^9 pieces': badTar(sparseMap('1000000000\n', '100', '')),

  // other compressions
  'an xz stream': {
    bytes: Buffer.from('fd377a585a000004e6d6b446', 'hex'),
    status: UNSUPPORTED,
    says: /compressed with xz/,
  },
  'an lz4 frame that is called gzip': {
    bytes: Buffer.from('04224d186440a700000000', 'hex'),
    mediaType: OCI_LAYER_GZIP,
    status: UNSUPPORTED,
    says: /compressed with lz4/,
  },

  // zstd, RFC 8878
  'zstd with a window over 128 MiB': {
    bytes: Buffer.from('28b52ffd0089010000', 'hex'),
    status: UNSUPPORTED,
    says: /window of 150994944 bytes/,
  },
  'zstd of one segment over 128 MiB': {
    bytes: Buffer.from('28b52ffda001000008010000', 'hex'),
    status: UNSUPPORTED,
    says: /window of 134217729 bytes/,
  },
  'zstd with a dictionary': {
    bytes: Buffer.from('28b52ffd210700010000', 'hex'),
    status: UNSUPPORTED,
    says: /dictionary 7/,
  },
  'zstd whose reserved bit is set': {
    bytes: Buffer.from('28b52ffd0800010000', 'hex'),
    status: UNSUPPORTED,
    says: /reserved bit/,
  },
  'zstd with a wrong checksum': damagedZstd((bytes) => bytes.fill(0x5a, bytes.length - 4), /checksum/),
  'zstd cut short': damagedZstd((bytes) => bytes.subarray(0, -7), /cut short/),
  'zstd cut short in its checksum': damagedZstd((bytes) => bytes.subarray(0, -2), /cut short/),
  'garbage after zstd': damagedZstd((bytes) => Buffer.concat([bytes, Buffer.from('garbage')]), /magic/),
  'zeros after zstd': damagedZstd((bytes) => Buffer.concat([bytes, Buffer.alloc(8)]), /magic/),
  'zstd of another length than it says': {
    bytes: Buffer.from('28b52ffd2004190000414243', 'hex'),
    says: /not as long as its frame header says/,
  },
  'zstd of a block of the reserved type': {
    bytes: Buffer.from('28b52ffd0058070000', 'hex'),
    says: /block type 3/,
  },
};

const place = new Workplace();
let registry: TestRegistry;
const ended = new Map<string, Ended>();

const refusal = (name: string): Refusal => {
  const given = REFUSED[name]!;
  return given instanceof Uint8Array ? { bytes: given } : given;
};

beforeAll(async () => {
  registry = await startRegistry();
  const images = Object.keys(REFUSED).map((name, at) => ({ name, reference: `library/refused:${at}`, at }));
  for (const { name, reference } of images) {
    const { bytes, mediaType } = refusal(name);
    const diffId = `sha256:${'0'.repeat(64)}`;
    await pushImage(registry, reference, { layers: [{ bytes, diffId, ...(mediaType && { mediaType }) }] });
  }
  const atOnce = new Semaphore(AT_ONCE);
  await Promise.all(
    images.map(({ name, reference, at }) =>
      atOnce.run(async () => {
        const mountpoint = place.directory(`mnt-${at}`);
        ended.set(name, await place.layerslayer(['mount', `${registry.host}/${reference}`, mountpoint]));
      }),
    ),
  );
});
afterAll(async () => {
  await place.cleanUp();
  await registry?.stop();
});

describe('a layer is refused:', () => {
  it.each(Object.keys(REFUSED))('%s', (name) => {
    const { bytes, status = CORRUPT, says = /./ } = refusal(name);
    const told = ended.get(name)!;
    expect(told.status, told.stderr).toBe(status);
    expect(told.stdout).toBe('');
    expect(told.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(told.stderr).toMatch(says);
    expect(told.stderr).toContain('layer 1');
    // A layer whose bytes are at fault is named by them too.
    if (status === CORRUPT) expect(told.stderr).toContain(sha256(bytes).slice(0, 'sha256:'.length + 12));
  });
});

it('nothing is left of them', async () => {
  expect(await place.leftovers()).toEqual([]);
});
