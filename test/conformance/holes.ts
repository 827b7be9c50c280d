import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../support/child.js';
import { dir, file, oldGnuSparse, type Piece, paxSparse } from '../support/tar.js';
import { elsewhere } from './elsewhere.js';
import type { Scene, Subject } from './scene.js';

interface Sparse {
  size: number;
  pieces: Piece[];
}

const data = (offset: number, length: number): Piece => ({
  offset,
  data: Buffer.alloc(length, 1 + (offset % 250)),
});

const FILES: Record<string, Sparse> = {
  around: { size: 50_000, pieces: [data(4096, 4096), data(20_000, 777)] },
  ends: { size: 100_000, pieces: [data(0, 4096), data(99_990, 10)] },
  none: { size: 8192, pieces: [] },
  adjacent: { size: 12_288, pieces: [data(0, 100), data(100, 4000), data(8192, 4096)] },
};

/** Reading its holes would take minutes. */
const HUGE_SIZE = 64 * 2 ** 30;
const HUGE: Sparse = { size: HUGE_SIZE, pieces: [data(HUGE_SIZE - 8192, 4096)] };

const PLAIN_SIZE = 5000;

export const holes: Subject = {
  name: 'holes',
  members: () => [
    dir('holes/'),
    ...Object.entries(FILES).map(([name, { size, pieces }]) =>
      paxSparse('1.0', `holes/${name}`, size, pieces),
    ),
    oldGnuSparse('holes/huge', HUGE.size, HUGE.pieces),
    file('holes/plain', Buffer.alloc(PLAIN_SIZE, 'x')),
    file('holes/empty'),
  ],
  tests(scene) {
    test.each(Object.keys(FILES))('of `%s` read as zeros, and the rest as it is', async (name) => {
      const { size, pieces } = FILES[name]!;
      const wanted = Buffer.alloc(size);
      for (const piece of pieces) wanted.set(piece.data as Buffer, piece.offset);
      const got = await elsewhere(
        ({ fs }, path) => fs.readFileSync(path, 'base64'),
        scene.at(`holes/${name}`),
      );
      expect(Buffer.from(got, 'base64').equals(wanted)).toBe(true);
    });

    test('take no blocks', async () => {
      const { stdout } = await run('stat', ['-c', '%s %b', scene.at('holes/huge'), scene.at('holes/none')]);
      expect(stdout).toBe(`${HUGE_SIZE} 8\n8192 0\n`);
    });

    test('are no hindrance at the end of 64 GiB', async () => {
      const told = await elsewhere(
        ({ fs, Buffer: bytes }, path, size) => {
          const descriptor = fs.openSync(path, 'r');
          return [size - 8192, size - 4096, size - 1, size].map((offset) => {
            const buffer = bytes.alloc(4096, 0xee);
            const count = fs.readSync(descriptor, buffer, 0, 4096, offset);
            return [count, buffer[0], buffer[Math.max(0, count - 1)]];
          });
        },
        scene.at('holes/huge'),
        HUGE_SIZE,
      );
      const byte = (HUGE.pieces[0]!.data as Buffer)[0];
      expect(told).toEqual([
        [4096, byte, byte],
        [4096, 0, 0],
        [1, 0, 0],
        [0, 0xee, 0xee],
      ]);
    });

    test.each(['plain', 'empty'])('of `%s`: none but its end, whatever is carried', async (name) => {
      const size = name === 'plain' ? PLAIN_SIZE : 0;
      expect(await sought(scene, name, [0, size - 1, size])).toEqual(bySize(size, [0, size - 1, size]));
    });

    scene.carried('holes', 'are found by SEEK_HOLE, data by SEEK_DATA, to the byte', async () => {
      for (const [name, { size, pieces }] of Object.entries({ ...FILES, huge: HUGE })) {
        const edges = pieces.flatMap(({ offset, data: bytes }) => [offset, offset + bytes.length]);
        const offsets = [0, size, ...edges]
          .flatMap((edge) => [edge - 1, edge, edge + 1])
          .filter((at) => at >= 0);
        const wanted = offsets.map((offset) => bySegments(size, pieces, offset));
        expect([name, ...(await sought(scene, name, offsets))]).toEqual([name, ...wanted]);
      }
    });

    scene.carriedOrUntried('holes', 'are skipped by tar and copied as holes by cp', async () => {
      const archive = join(scene.scratch, 'sparse.tar');
      await run('tar', ['-S', '--hole-detection=seek', '-cf', archive, '-C', scene.at('holes'), 'huge']);
      expect((await stat(archive)).size).toBeLessThan(64 * 1024);
      const copy = join(scene.scratch, 'sparse');
      await run('cp', ['--sparse=auto', scene.at('holes/huge'), copy]);
      const { size, blocks } = await stat(copy);
      expect([size, blocks * 512 < 2 ** 20]).toEqual([HUGE_SIZE, true]);
      await run('rm', [archive, copy]);
    });
  },
};

/** Where the next data and the next hole are from each offset on, or the error. */
function sought(scene: Scene, name: string, offsets: readonly number[]): Promise<(number | string)[][]> {
  return elsewhere(
    ({ fs, libc }, path, all) => {
      const [SEEK_DATA, SEEK_HOLE] = [3, 4];
      const descriptor = fs.openSync(path, 'r');
      const seek = (offset: number, whence: number) => {
        try {
          return libc.lseek64(descriptor, offset, whence);
        } catch (error) {
          return (error as NodeJS.ErrnoException).code ?? String(error);
        }
      };
      return all.map((offset) => [seek(offset, SEEK_DATA), seek(offset, SEEK_HOLE)]);
    },
    scene.at(`holes/${name}`),
    offsets.filter((offset) => offset >= 0),
  );
}

const bySize = (size: number, offsets: readonly number[]) =>
  offsets
    .filter((offset) => offset >= 0)
    .map((offset) => (offset < size ? [offset, size] : ['ENXIO', 'ENXIO']));

/** By the definition of lseek(2): the end of a file begins a hole. */
function bySegments(size: number, pieces: readonly Piece[], offset: number): (number | string)[] {
  if (offset >= size) return ['ENXIO', 'ENXIO'];
  const isData = (at: number) =>
    pieces.some((piece) => at >= piece.offset && at < piece.offset + piece.data.length);
  const edges = pieces.flatMap((piece) => [piece.offset, piece.offset + piece.data.length]);
  const places = [offset, ...edges.filter((edge) => edge > offset && edge < size).sort((a, b) => a - b)];
  return [places.find(isData) ?? 'ENXIO', places.find((at) => !isData(at)) ?? size];
}
