import { expect, test } from 'vitest';
import { run } from '../support/child.js';
import { block, char, dir, fifo, file, symlink } from '../support/tar.js';
import { type DirectoryEntry, elsewhere } from './elsewhere.js';
import type { Scene, Subject } from './scene.js';

const MANY = 3000;
/** Names of all lengths, in no order that a sort would give. */
const MANY_NAMES = Array.from(
  { length: MANY },
  (_, i) => `${'n'.repeat(1 + ((i * 31) % 250))}${(i * 7919) % MANY}`,
);
/** Directories that differ in nothing but their names and what is in their files. */
const TWINS = ['twin-a', 'twin-b'];
const TWIN_NAMES = ['1', '2', '3', '4', '5'];
const hex = (name: string) => Buffer.from(name).toString('hex');

/** What dirent(5) calls each kind. */
const DT = { fifo: 1, char: 2, dir: 4, block: 6, file: 8, link: 10 };

export const directories: Subject = {
  name: 'directories',
  members: () => [
    dir('directories/'),
    dir('directories/empty/'),
    dir('directories/kinds/'),
    file('directories/kinds/f'),
    dir('directories/kinds/d/'),
    symlink('directories/kinds/l', 'f'),
    fifo('directories/kinds/p'),
    char('directories/kinds/c', 1, 3),
    block('directories/kinds/b', 8, 1),
    ...TWINS.flatMap((twin) => [
      dir(`directories/${twin}/`),
      ...TWIN_NAMES.map((name) => file(`directories/${twin}/${name}`, `${name} of ${twin}`)),
    ]),
    dir('directories/many/'),
    ...MANY_NAMES.map((name) => file(`directories/many/${name}`)),
  ],
  tests(scene) {
    test('give `.`, `..` and each name, with its type and inode number', async () => {
      const found = await listed(scene, 'directories/kinds', 4096);
      const shown = Object.fromEntries(
        found.map(({ name, type }) => [Buffer.from(name, 'hex').toString(), type]),
      );
      const kinds = { f: DT.file, d: DT.dir, l: DT.link, p: DT.fifo, c: DT.char, b: DT.block };
      expect(shown).toEqual({ '.': DT.dir, '..': DT.dir, ...kinds });
      expect(found).toHaveLength(8);
      const numbers = await elsewhere(
        ({ fs, Buffer: bytes }, at, names) =>
          names.map((name) => String(fs.lstatSync(`${at}/${bytes.from(name, 'hex')}`, { bigint: true }).ino)),
        scene.at('directories/kinds'),
        found.map(({ name }) => name),
      );
      expect(found.map(({ inode }) => inode)).toEqual(numbers);
    });

    test('that are empty have `.` and `..`', async () => {
      const found = await listed(scene, 'directories/empty', 4096);
      expect(found.map(({ name }) => name)).toEqual([hex('.'), hex('..')]);
    });

    test.each([280, 1000, 4096, 32_768, 1_048_576])(
      'in pieces of %i bytes have every name once',
      async (size) => {
        const found = await listed(scene, 'directories/many', size);
        expect(found.map(({ name }) => name).sort()).toEqual(['.', '..', ...MANY_NAMES].map(hex).sort());
        expect(found).toEqual(await listed(scene, 'directories/many', 65_536));
      },
    );

    test('resume at any cursor, also one of another open, also backwards', async () => {
      const [entries, told] = await elsewhere(({ fs, libc }, path) => {
        const SEEK_SET = 0;
        const all: DirectoryEntry[] = [];
        const first = fs.openSync(path, 'r');
        for (let some = libc.getdents(first, 65_536); some.length > 0; some = libc.getdents(first, 65_536))
          all.push(...some);
        const places = all.map((_, i) => i).filter((i) => i % 97 === 0 || i < 5 || i > all.length - 4);
        const other = fs.openSync(path, 'r');
        const next = [first, other].flatMap((descriptor) =>
          [...places, ...places.toReversed(), ...places].map((i) => {
            libc.lseek64(descriptor, all[i]!.next, SEEK_SET);
            return { place: i, name: libc.getdents(descriptor, 400)[0]?.name };
          }),
        );
        libc.lseek64(other, 0, SEEK_SET);
        return [all, [...next, { place: -1, name: libc.getdents(other, 400)[0]?.name }]] as const;
      }, scene.at('directories/many'));
      expect(entries).toHaveLength(MANY + 2);
      expect(told.length).toBeGreaterThan(100);
      for (const { place, name } of told) expect([place, name]).toEqual([place, entries[place + 1]?.name]);
    });

    test('resume at telldir(3), by seekdir(3)', async () => {
      const wrong = await elsewhere(({ libc }, path) => {
        const stream = libc.opendir(path);
        const places: { place: number; name: string | undefined }[] = [];
        for (;;) {
          const place = stream.tell();
          const name = stream.next();
          places.push({ place, name });
          if (name === undefined) break;
        }
        const order = places.map((_, i) => places[(i * 1009) % places.length]!);
        return order.filter(({ place, name }) => {
          stream.seek(place);
          return stream.next() !== name;
        });
      }, scene.at('directories/many'));
      expect(wrong).toEqual([]);
    });

    test('of like names keep their own files, read in turn', async () => {
      const paths = TWIN_NAMES.flatMap((name) => TWINS.map((twin) => `${twin}/${name}`));
      const told = await elsewhere(
        ({ fs }, at, all) => all.map((path) => fs.readFileSync(`${at}/${path}`, 'latin1')),
        scene.at('directories'),
        paths,
      );
      expect(told).toEqual(paths.map((path) => path.replace(/(.*)\/(.*)/, '$2 of $1')));
    });

    test('have one order for all readers, also 8 at once', async () => {
      const list = () => run('sh', ['-c', 'ls -f "$1" | cksum', 'sh', scene.at('directories/many')]);
      const sums = (await Promise.all(Array.from({ length: 8 }, list))).map(({ stdout }) => stdout);
      expect(new Set(sums).size).toBe(1);
    });
  },
};

/** All that getdents(2) gives in pieces of `size` bytes. */
function listed(scene: Scene, path: string, size: number): Promise<DirectoryEntry[]> {
  return elsewhere(
    ({ fs, libc }, at, piece) => {
      const descriptor = fs.openSync(at, 'r');
      const all: DirectoryEntry[] = [];
      for (;;) {
        const some = libc.getdents(descriptor, piece);
        if (some.length === 0) return all;
        all.push(...some);
      }
    },
    scene.at(path),
    size,
  );
}
