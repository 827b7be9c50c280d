import { expect, test } from 'vitest';
import { run } from '../support/child.js';
import { dir, file } from '../support/tar.js';
import { elsewhere } from './elsewhere.js';
import type { Subject } from './scene.js';

const ENTRIES = 100_000;
const nameOf = (i: number) => `entry-${i}`;

export const largeDirectory: Subject = {
  name: 'large directory',
  members: () => [
    dir('large/'),
    ...Array.from({ length: ENTRIES }, (_, i) => file(`large/${nameOf(i)}`, '', { mtime: i })),
  ],
  tests(scene) {
    test(`lists ${ENTRIES} entries, each once, in the order of the data, with its own attributes`, async () => {
      const format = '%f %s %T@\\n';
      const { stdout } = await run('find', [scene.at('large'), '-mindepth', '1', '-printf', format]);
      const lines = stdout.split('\n');
      const wrong = lines.findIndex(
        (line, i) => line !== (i < ENTRIES ? `${nameOf(i)} 0 ${i}.0000000000` : ''),
      );
      // Not as a whole: a difference of 3 MB would take minutes to tell.
      expect([lines.length, wrong, lines[wrong]]).toEqual([ENTRIES + 1, -1, undefined]);
    });

    test('has inode numbers that differ, the same by name and in the listing', async () => {
      const told = await elsewhere(({ fs, libc }, path) => {
        const descriptor = fs.openSync(path, 'r');
        const numbers = new Map<string, string>();
        for (
          let some = libc.getdents(descriptor, 1 << 20);
          some.length > 0;
          some = libc.getdents(descriptor, 1 << 20)
        )
          for (const { name, inode } of some) numbers.set(name, inode);
        const chosen = [...numbers].filter((_, i) => i % 997 === 5).map(([name]) => name);
        const wrong = chosen.filter((name) => {
          const { ino } = fs.lstatSync(`${path}/${Buffer.from(name, 'hex')}`, { bigint: true });
          return String(ino) !== numbers.get(name);
        });
        return {
          names: numbers.size,
          different: new Set(numbers.values()).size,
          chosen: chosen.length,
          wrong,
        };
      }, scene.at('large'));
      // `.` and `..` are listed too, with other numbers.
      expect(told).toEqual({ names: ENTRIES + 2, different: ENTRIES + 2, chosen: 101, wrong: [] });
    });
  },
};
