import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { kindOfHead } from '#src/engine/opening/layer-head.js';
import { IndexPass } from '#src/index/pass/index-pass.js';
import { parseDigest } from '#src/oci/digest.js';
import { isTarHeader } from '#src/tar/checksum.js';
import { file, headerBlock, tarOf } from '../../support/tar.js';

const DIGEST = parseDigest(`sha256:${'0'.repeat(64)}`);

it('a layer of unknown type is an archive when it begins with a tar header, or as gzip does', () => {
  expect(kindOfHead(tarOf(file('a', 'a')))).toBe('archive');
  expect(kindOfHead(gzipSync('anything'))).toBe('archive');
  expect(kindOfHead(Buffer.from('GGUF'.padEnd(5000)))).toBe('other');
  expect(kindOfHead(Buffer.from('{}'))).toBe('other');
  expect(kindOfHead(headerBlock({ name: 'a', checksum: Buffer.from('0001234\0') }))).toBe('other');
  expect(isTarHeader(tarOf(file('a')).subarray(0, 511))).toBe(false);
});

it('zeros may be an empty archive, but not before data', () => {
  expect(kindOfHead(new Uint8Array(70))).toBe('zeros');
  expect(kindOfHead(new Uint8Array(10_240))).toBe('zeros');
  const erofs = Buffer.concat([Buffer.alloc(1024), Buffer.from('e2e1f5e0', 'hex'), Buffer.alloc(5000)]);
  expect(kindOfHead(erofs)).toBe('zeros, then data');
});

it('an unsupported compression is rejected by name', () => {
  expect(() => kindOfHead(Buffer.from('fd377a585a000000', 'hex'))).toThrow(/compressed with xz/);
});

it('a plain tar whose first name begins like another format is read', () => {
  for (const name of ['BZh91AY.txt', '\x1f\x9dz', 'LZIP/x']) {
    const tar = tarOf(file(Buffer.from(name, 'latin1'), 'x'));
    expect(kindOfHead(tar)).toBe('archive');
    const pass = new IndexPass(DIGEST);
    pass.push(tar);
    expect(pass.entryCount).toBe(1);
  }
});
