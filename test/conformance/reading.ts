import { cpus } from 'node:os';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noise } from '../blob/bytes.js';
import { run } from '../support/child.js';
import { dir, file } from '../support/tar.js';
import { elsewhere } from './elsewhere.js';
import type { Subject } from './scene.js';

/**
 * Sizes around pages, windows of 32 KiB, readahead of 128 KiB, and requests of 1 MiB. The last
 * takes many requests and has an odd end.
 */
const SIZES = [0, 1, 4095, 4096, 4097, 32_767, 32_769, 131_071, 131_073, 1_048_577, 8 * 1_048_576 + 4321];
const LARGE = SIZES.at(-1)!;
const LARGE_PATH = `reading/size-${LARGE}`;

const READERS = 64;
const PARALLEL_SIZE = 100_000; // bytes

const RANDOM_READS = 300;

/** Ways to the bytes, each a path of its own through the kernel. */
const WAYS = [
  'read',
  'readv',
  'O_DIRECT',
  'mmap',
  'mmap private',
  'sendfile',
  'splice',
  'copy_file_range',
] as const;

export const reading: Subject = {
  name: 'reading',
  isCopied: true,
  members: () => [
    dir('reading/'),
    ...SIZES.map((size) => file(`reading/size-${size}`, noise(size, size + 1))),
    ...Array.from({ length: READERS }, (_, i) =>
      file(`reading/parallel-${i}`, noise(PARALLEL_SIZE, 1000 + i)),
    ),
  ],
  tests(scene) {
    test.each(WAYS)('by %s gives the bytes of the plain copy', async (way) => {
      const names = SIZES.map((size) => `reading/size-${size}`);
      const told = await readInWays(scene.mountpoint, scene.copy, scene.scratch, names, way);
      // Between two file systems the kernel may refuse to copy; then every program reads instead.
      const allowed = way === 'copy_file_range' ? ['same', 'EXDEV'] : ['same'];
      for (const [i, name] of names.entries())
        expect([name, allowed.includes(told[i]!), told[i]]).toEqual([name, true, told[i]]);
    });

    test.each(['buffered', 'direct'] as const)(
      'at any offset gives those bytes, never short (%s)',
      async (how) => {
        const edges = [
          0,
          1,
          4095,
          4096,
          131_071,
          131_072,
          1_048_575,
          LARGE - 4097,
          LARGE - 1,
          LARGE,
          LARGE + 5000,
        ];
        const lengths = [1, 4096, 4097, 131_072, 1_500_000];
        const anywhere = fc.record({
          offset: fc.integer({ min: 0, max: LARGE + 10_000 }),
          length: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 2_000_000 })),
        });
        const reads = edges.flatMap((offset) => lengths.map((length) => ({ offset, length })));
        reads.push(...fc.sample(anywhere, RANDOM_READS));
        const wrong = await elsewhere(
          ({ fs, libc, Buffer: bytes }, path, copy, pieces, isDirect) => {
            const whole = fs.readFileSync(copy);
            const flags = fs.constants.O_RDONLY | (isDirect ? fs.constants.O_DIRECT : 0);
            const descriptor = fs.openSync(path, flags);
            return pieces.filter(({ offset, length }, i) => {
              if (i % 10 === 0) libc.forget(descriptor);
              const buffer = bytes.alloc(length, 0xee);
              const count = fs.readSync(descriptor, buffer, 0, length, offset);
              return !buffer.subarray(0, count).equals(whole.subarray(offset, offset + length));
            });
          },
          scene.at(LARGE_PATH),
          `${scene.copy}/${LARGE_PATH}`,
          reads,
          how === 'direct',
        );
        expect(wrong).toEqual([]);
      },
    );

    test('continues at lseek(2), from the start, from there and from the end', async () => {
      const wrong = await elsewhere(
        ({ fs, libc, Buffer: bytes }, path, copy) => {
          const whole = fs.readFileSync(copy);
          const descriptor = fs.openSync(path, 'r');
          const [SEEK_SET, SEEK_CUR, SEEK_END] = [0, 1, 2];
          const seeks = [
            [5000, SEEK_SET, 5000],
            [100_000, SEEK_CUR, 105_100],
            [-50, SEEK_CUR, 105_150],
            [-100, SEEK_END, whole.length - 100],
            [0, SEEK_SET, 0],
            [10, SEEK_END, whole.length + 10],
          ] as const;
          return seeks.filter(([offset, whence, place]) => {
            const found = libc.lseek64(descriptor, offset, whence);
            const buffer = bytes.alloc(100);
            const count = libc.read(descriptor, buffer, 100);
            return found !== place || !buffer.subarray(0, count).equals(whole.subarray(place, place + 100));
          });
        },
        scene.at(LARGE_PATH),
        `${scene.copy}/${LARGE_PATH}`,
      );
      expect(wrong).toEqual([]);
    });

    test(`by ${READERS} programs at once gives each its own`, async () => {
      const names = Array.from({ length: READERS }, (_, i) => `reading/parallel-${i}`);
      const sum = async (root: string, name: string) =>
        (await run('sha256sum', [`${root}/${name}`])).stdout.slice(0, 64);
      const wanted = (
        await run(
          'sha256sum',
          names.map((name) => `${scene.copy}/${name}`),
        )
      ).stdout;
      const told = await Promise.all(names.map((name) => sum(scene.mountpoint, name)));
      expect(told).toEqual(
        wanted
          .split('\n')
          .slice(0, READERS)
          .map((line) => line.slice(0, 64)),
      );
    });

    test('by many at once gives all of them the same of one file', async () => {
      const readers = Array.from({ length: 4 * cpus().length }, () =>
        run('sha256sum', [scene.at(LARGE_PATH)]),
      );
      const sums = new Set((await Promise.all(readers)).map(({ stdout }) => stdout.slice(0, 64)));
      const wanted = (await run('sha256sum', [`${scene.copy}/${LARGE_PATH}`])).stdout.slice(0, 64);
      expect([...sums]).toEqual([wanted]);
    });

    test('by programs: cp, cat, tar, cmp, grep', async () => {
      const before = scene.complaints;
      const script = `cd "$1"; cp "$2" "$3/cp"; cat "$2" >"$3/cat"; tar -c "$2" | tar -xO >"$3/tar"
        for way in cp cat tar; do cmp "$4/$2" "$3/$way"; rm "$3/$way"; done; cmp "$4/$2" "$2"
        diff -rq "$4/reading" reading; grep -rqF 'nothing has this in it' reading || echo none`;
      const { stdout } = await run('sh', [
        '-euc',
        script,
        'sh',
        scene.mountpoint,
        LARGE_PATH,
        scene.scratch,
        scene.copy,
      ]);
      expect(stdout).toBe('none\n');
      expect(scene.complaints).toEqual(before);
    });
  },
};

/** @returns `same`, or what went wrong, for each name */
function readInWays(
  mount: string,
  copy: string,
  scratch: string,
  names: string[],
  way: (typeof WAYS)[number],
) {
  return elsewhere(
    ({ fs, libc, Buffer: bytes }, roots, paths, how) => {
      const { O_RDONLY, O_DIRECT } = fs.constants;
      const [PROT_READ, MAP_SHARED, MAP_PRIVATE, CHUNK] = [1, 1, 2, 1 << 20];
      const toFile = (step: (to: number) => number): Buffer => {
        const path = `${roots.scratch}/received`;
        const to = fs.openSync(path, 'w');
        while (step(to) > 0);
        fs.closeSync(to);
        return fs.readFileSync(path);
      };
      const inChunks = (step: (chunk: Buffer) => number): Buffer => {
        const chunks: Buffer[] = [];
        for (;;) {
          const chunk = bytes.alloc(CHUNK);
          const count = step(chunk);
          if (count === 0) return bytes.concat(chunks);
          chunks.push(chunk.subarray(0, count));
        }
      };
      const readers: Record<string, (from: number, size: number) => Buffer> = {
        read: (from) => inChunks((chunk) => fs.readSync(from, chunk)),
        O_DIRECT: (from) => inChunks((chunk) => fs.readSync(from, chunk)),
        readv: (from) => inChunks((chunk) => fs.readvSync(from, [chunk.subarray(0, 5), chunk.subarray(5)])),
        mmap: (from, size) => (size === 0 ? bytes.alloc(0) : libc.mmap(from, 0, size, PROT_READ, MAP_SHARED)),
        'mmap private': (from, size) =>
          size === 0 ? bytes.alloc(0) : libc.mmap(from, 0, size, PROT_READ, MAP_PRIVATE),
        sendfile: (from) => toFile((to) => libc.sendfile64(to, from, null, CHUNK)),
        copy_file_range: (from) => toFile((to) => libc.copy_file_range(from, null, to, null, CHUNK, 0)),
        splice: (from) => {
          const pipe = bytes.alloc(8);
          libc.pipe2(pipe, 0);
          const [out, into] = [pipe.readInt32LE(0), pipe.readInt32LE(4)];
          return inChunks((chunk) => {
            const count = libc.splice(from, null, into, null, 65_536, 0);
            return count === 0 ? 0 : fs.readSync(out, chunk, 0, count, null);
          });
        },
      };
      return paths.map((path) => {
        const from = fs.openSync(
          `${roots.mount}/${path}`,
          how === 'O_DIRECT' ? O_RDONLY | O_DIRECT : O_RDONLY,
        );
        libc.forget(from);
        try {
          const wanted = fs.readFileSync(`${roots.copy}/${path}`);
          const got = readers[how]!(from, wanted.length);
          if (got.equals(wanted)) return 'same';
          return `${got.length} bytes, want ${wanted.length}; differs at ${wanted.findIndex((byte, i) => byte !== got[i])}`;
        } catch (error) {
          return (error as NodeJS.ErrnoException).code ?? String(error);
        } finally {
          fs.closeSync(from);
        }
      });
    },
    { mount, copy, scratch },
    names,
    way,
  );
}
