import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { TAR_END, tarHeader, tarPadding, type WrittenEntry } from '#src/tar/tar-writer.js';
import { asRead, readTar } from '../support/tar-oracle.js';
import { scanAll } from './scan-all.js';

const plain: WrittenEntry = {
  kind: 'file',
  path: Buffer.from('a'),
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 1_500_000_000,
  mtimeNanoseconds: 0,
};

/** An archive of one entry whose content is zeros. */
function archive(entry: WrittenEntry): Buffer {
  return Buffer.concat([tarHeader(entry), Buffer.alloc(entry.size), tarPadding(entry.size), TAR_END]);
}

describe('tarHeader', () => {
  const cases: { name: string; more: Partial<WrittenEntry> }[] = [
    { name: 'a small file', more: { size: 3, mode: 0o4755, uid: 1000, gid: 100 } },
    { name: 'whole blocks', more: { size: 1024 } },
    { name: 'a directory', more: { kind: 'dir', path: Buffer.from('etc/') } },
    { name: 'a symlink', more: { kind: 'symlink', linkTarget: Buffer.from('../b') } },
    { name: 'a hard link', more: { kind: 'hardlink', linkTarget: Buffer.from('b') } },
    { name: 'a path of 100 bytes', more: { path: Buffer.alloc(100, 'n') } },
    { name: 'a path of 101 bytes', more: { path: Buffer.alloc(101, 'n') } },
    { name: 'a long target', more: { kind: 'symlink', linkTarget: Buffer.alloc(4095, 't') } },
    { name: 'names that are not UTF-8', more: { path: Buffer.from([0x66, 0xff, 0x0a, 0x3d]) } },
    { name: 'owners past 2^21', more: { uid: 4_294_967_294, gid: 2_097_152 } },
    { name: 'a time with nanoseconds', more: { mtimeNanoseconds: 5 } },
    { name: 'a time before 1970', more: { mtimeSeconds: -1_000_000 } },
    { name: 'a time just before 1970', more: { mtimeSeconds: -1, mtimeNanoseconds: 250_000_000 } },
    { name: 'a time between', more: { mtimeSeconds: -3, mtimeNanoseconds: 999_999_999 } },
    { name: 'a time after 2242', more: { mtimeSeconds: 8 ** 11 } },
    { name: 'a character device', more: { kind: 'char', deviceMajor: 1, deviceMinor: 3 } },
    { name: 'a block device', more: { kind: 'block', deviceMajor: 4095, deviceMinor: 1_048_575 } },
    { name: 'a device number past 2^21', more: { kind: 'block', deviceMajor: 0, deviceMinor: 2 ** 31 - 1 } },
    { name: 'a fifo', more: { kind: 'fifo' } },
    {
      name: 'extended attributes',
      more: {
        xattrs: [
          { name: new Uint8Array(Buffer.from('user.é')), value: new Uint8Array([0, 0x3d, 0x0a, 0xff]) },
          { name: new Uint8Array(Buffer.from('security.capability')), value: new Uint8Array(20).fill(1) },
        ],
      },
    },
  ];
  it.each(cases)('is read back: $name', ({ more }) => {
    const entry = { ...plain, ...more };
    const { entries, warnings } = scanAll(archive(entry));
    expect(warnings).toEqual([]);
    expect(entries).toHaveLength(1);
    const { linkTarget = new Uint8Array(0), ...wanted } = entry;
    expect(entries[0]).toMatchObject({ ...wanted, path: new Uint8Array(wanted.path) });
    expect(Buffer.from(entries[0]!.linkTarget)).toEqual(Buffer.from(linkTarget));
  });

  it.each(cases)('is understood by tar-stream: $name', async ({ more }) => {
    const entry = { ...plain, ...more };
    expect(await readTar(archive(entry))).toEqual([asRead(entry, Buffer.alloc(entry.size))]);
  });

  it('is understood by GNU tar', () => {
    const tar = Buffer.concat(
      cases.map(({ more }) => archive({ ...plain, ...more }).subarray(0, -TAR_END.length)),
    );
    const { status, stdout, stderr } = spawnSync('tar', ['-tv', '--full-time'], {
      input: Buffer.concat([tar, TAR_END]),
      env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
    });
    expect([status, stderr.toString()]).toEqual([0, '']);
    expect(stdout.toString().split('\n')).toHaveLength(cases.length + 1);
    expect(stdout.toString()).toMatch(/^-rwsr-xr-x 1000\/100 +3 2017-07-14 02:40:00 a$/m);
  });

  it('holds sizes past 8 GiB', () => {
    const header = tarHeader({ ...plain, size: 8 ** 11 });
    expect(Buffer.from(header).toString('latin1')).toContain(` size=${8 ** 11}\n`);
  });
});
