// Plain archives of another writer: tar-stream, which many tools in JavaScript use.

import { expect, it } from 'vitest';
import { asRead, type PlainMember, readTar, writeTar } from '../support/tar-oracle.js';
import { contentOf, scanAll } from './scan-all.js';

const LONG = `${'directory/'.repeat(12)}${'n'.repeat(90)}`; // in a ustar prefix
const LONGER = `${'directory/'.repeat(30)}${'n'.repeat(200)}`; // in a PAX record
const mtime = new Date('2026-01-02T03:04:05Z');

const members: PlainMember[] = [
  { header: { name: 'etc', type: 'directory', mode: 0o750, uid: 0, gid: 4, mtime } },
  { header: { name: 'etc/name', mode: 0o4755, uid: 1000, gid: 100, mtime }, content: 'one\n' },
  { header: { name: 'empty', mtime } },
  { header: { name: 'block', mtime }, content: 'b'.repeat(512) },
  { header: { name: 'link', type: 'symlink', linkname: 'etc/name', mtime } },
  { header: { name: 'again', type: 'link', linkname: 'etc/name', mtime } },
  { header: { name: LONG, mtime }, content: 'long' },
  { header: { name: LONGER, mtime }, content: 'longer' },
  { header: { name: 'to-longer', type: 'symlink', linkname: LONGER, mtime } },
  { header: { name: 'null', type: 'character-device', devmajor: 1, devminor: 3, mtime } },
  { header: { name: 'pipe', type: 'fifo', mtime } },
];

it('are scanned as they were written', async () => {
  const tar = await writeTar(members);
  const { entries, warnings } = scanAll(tar);
  expect(warnings).toEqual([]);
  const scanned = entries.map((entry) => asRead(entry, contentOf(tar, entry)));
  expect(scanned).toEqual(await readTar(tar));
  expect(scanned.map(({ path, content }) => [path, content])).toEqual(
    members.map(({ header, content = '' }) => [header.name, content]),
  );
});
