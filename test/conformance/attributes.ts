import { expect, test } from 'vitest';
import { MemoryFs } from '../fuse/memory-fs.js';
import { run } from '../support/child.js';
import { block, char, dir, fifo, file, hardlink, symlink } from '../support/tar.js';
import { breachesOfOwnRules, compareListings, tellDifferences } from '../support/tree-compare.js';
import { listTree } from '../support/tree-listing.js';
import { elsewhere } from './elsewhere.js';
import type { Scene, Subject } from './scene.js';

const MODES = [0o000, 0o400, 0o644, 0o755, 0o1777, 0o2755, 0o4755, 0o7777];
const OWNERS = [0, 1000, 65_534, 2 ** 32 - 2];
const SIZES = [0, 1, 511, 512, 513, 4096, 70_000];
const TARGETS = ['f', '/absolute', '../..', 'ü', `/${'x'.repeat(4094)}`];

/** Seconds and nanoseconds; st_mtime counts whole seconds down and nanoseconds up. */
const TIMES = {
  whole: ['0', '1', '1600000000', '2147483648', '4294967296', '8589934592'],
  fractions: ['0.000000001', '1600000000.999999999', '4294967296.123456789'],
  'before 1970': ['-1', '-86400', '-1.5', '-8589934592'],
};

export const attributes: Subject = {
  name: 'attributes',
  isCopied: true,
  members: () => [
    dir('attributes/', { mode: 0o751, uid: 7, gid: 8 }),
    ...MODES.map((mode) => file(`attributes/mode-${mode.toString(8)}`, '', { mode })),
    ...MODES.map((mode) => dir(`attributes/dir-${mode.toString(8)}/`, { mode })),
    ...OWNERS.map((uid) => file(`attributes/owner-${uid}`, '', { uid, gid: uid })),
    ...SIZES.map((size) => file(`attributes/size-${size}`, Buffer.alloc(size, 'x'))),
    ...TARGETS.map((target, i) => symlink(`attributes/link-${i}`, target, { uid: i, mtime: 1000 + i })),
    fifo('attributes/fifo', { mode: 0o640 }),
    char('attributes/null', 1, 3, { mode: 0o666 }),
    char('attributes/large', 511, 1_048_575),
    block('attributes/disk', 259, 70_000, { uid: 5 }),
    dir('attributes/parent/'),
    dir('attributes/parent/one/'),
    dir('attributes/parent/two/'),
    file('attributes/parent/one/named', 'thrice'),
    hardlink('attributes/parent/two/named', 'attributes/parent/one/named'),
    hardlink('attributes/named', 'attributes/parent/one/named'),
    symlink('attributes/linked-link', 'f'),
    hardlink('attributes/linked-link-too', 'attributes/linked-link'),
    dir('times/'),
    ...Object.values(TIMES).flatMap((times) => times.map((mtime) => file(`times/${mtime}`, '', { mtime }))),
  ],
  tests(scene) {
    test('are those that GNU tar unpacks, and keep the rules of the tree', async () => {
      const [mounted, unpacked] = await Promise.all([
        listTree(scene.at('attributes')),
        listTree(`${scene.copy}/attributes`),
      ]);
      expect(mounted.size).toBeGreaterThan(40);
      const differences = [...compareListings(mounted, unpacked), ...breachesOfOwnRules(mounted)];
      expect(tellDifferences(differences)).toBe('');
    });

    test('count blocks of 512 bytes', async () => {
      const mounted = await listTree(scene.at('attributes'));
      for (const size of SIZES) {
        expect(mounted.get(`size-${size}`)?.blocks512).toBe(String(Math.ceil(size / 512)));
      }
    });

    test('of an open file are those of its name', async () => {
      const paths = ['attributes', 'attributes/named', 'attributes/owner-4294967294'].map((path) =>
        scene.at(path),
      );
      const told = await elsewhere(
        ({ fs }, all) =>
          all.map((path) => {
            const shown = (stats: object) => Object.values(stats).map(String).join(' ');
            const descriptor = fs.openSync(path, 'r');
            return [
              shown(fs.fstatSync(descriptor, { bigint: true })),
              shown(fs.lstatSync(path, { bigint: true })),
            ];
          }),
        paths,
      );
      for (const [open, named] of told) expect(open).toBe(named);
    });

    test('say how much to read at once: 4096 bytes', async () => {
      expect(await elsewhere(({ fs }, path) => fs.statSync(path).blksize, scene.at('attributes/named'))).toBe(
        4096,
      );
    });

    test('of the file system are those of one that is full: statfs(2)', async () => {
      const fs = new MemoryFs();
      for (let i = 0; i < 10; i++) fs.file(fs.root, `file-${i}`, '');
      const { mountpoint } = await scene.mountFs(fs);
      const { blocks, files } = fs.statfs();
      const told = await elsewhere(({ fs: system }, path) => ({ ...system.statfsSync(path) }), mountpoint);
      expect(told).toMatchObject({ bsize: 4096, blocks, bfree: 0, bavail: 0, files, ffree: 0 });
      // Of the whole image, by any file of it; name length and fundamental block size too.
      const { stdout } = await run('stat', ['-f', '-c', '%l %S %f %a %d %c', scene.at('times/0')]);
      expect(stdout).toMatch(/^255 4096 0 0 0 \d{6}\n$/);
    });

    test('have whole seconds after 2038 and 2106', () => timesAreRight(scene, 'whole'));
    scene.carried('nanoseconds', 'have nanoseconds', () => timesAreRight(scene, 'fractions'));
    scene.carried('timesBefore1970', 'have times before 1970', () => timesAreRight(scene, 'before 1970'));

    scene.carried('wideInodes', 'have inode numbers beyond 32 bits', async () => {
      const wide = 2 ** 32 + 5;
      const fs = new MemoryFs();
      const inode = fs.file(fs.root, 'f', 'f');
      const { mountpoint } = await scene.mountFs(renumbered(fs, inode, wide));
      const told = await elsewhere(
        ({ fs: system, libc }, path) => [
          String(system.lstatSync(`${path}/f`, { bigint: true }).ino),
          libc.getdents(system.openSync(path, 'r'), 4096).find(({ name }) => name === '66')?.inode,
          system.readFileSync(`${path}/f`, 'latin1'),
        ],
        mountpoint,
      );
      expect(told).toEqual([String(wide), String(wide), 'f']);
    });
  },
};

/** All three times, by statx(2) and as find(1) prints them. */
async function timesAreRight(scene: Scene, kind: keyof typeof TIMES): Promise<void> {
  const told = await elsewhere(
    ({ fs }, directory, names) =>
      names.map((name) => {
        const { atimeNs, mtimeNs, ctimeNs } = fs.lstatSync(`${directory}/${name}`, { bigint: true });
        return [atimeNs, mtimeNs, ctimeNs].map(String);
      }),
    scene.at('times'),
    TIMES[kind],
  );
  for (const [i, time] of TIMES[kind].entries()) {
    const nanoseconds = inNanoseconds(time);
    expect([time, ...told[i]!]).toEqual([time, nanoseconds, nanoseconds, nanoseconds]);
  }
}

function inNanoseconds(time: string): string {
  const [, sign, seconds = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(time)!;
  const count = BigInt(seconds) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
  return String(sign === '-' ? -count : count);
}

/** The same tree with another number for one of its inodes. */
function renumbered(fs: MemoryFs, from: number, to: number): MemoryFs {
  const outside = (inode: number) => (inode === from ? to : inode);
  const inside = (inode: number) => (inode === to ? from : inode);
  const { lookup, getattr, readdir, read, getxattr, listxattr } = fs;
  return Object.assign(fs, {
    lookup: (parent, name) => outside(lookup.call(fs, parent, name)),
    getattr: (inode, into) => Object.assign(getattr.call(fs, inside(inode), into), { inode }),
    readdir: (directory, offset, visit) =>
      readdir.call(fs, directory, offset, (name, inode, kind, next) =>
        visit(name, outside(inode), kind, next),
      ),
    read: (inode, ...rest) => read.call(fs, inside(inode), ...rest),
    getxattr: (inode, name) => getxattr.call(fs, inside(inode), name),
    listxattr: (inode) => listxattr.call(fs, inside(inode)),
  } satisfies Partial<MemoryFs>);
}
