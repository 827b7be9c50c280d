import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PackedMember, packFiles } from '#src/tar/pack-files.js';
import { readTar } from '../support/tar-oracle.js';

async function packed(members: Iterable<PackedMember> | AsyncIterable<PackedMember>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of packFiles(members)) parts.push(part);
  return Buffer.concat(parts);
}

const fileOf = (name: string, ...parts: string[]): PackedMember => ({
  name,
  size: parts.join('').length,
  content: parts.map((part) => Buffer.from(part)),
});

describe('packFiles', () => {
  it('writes files and directories, the same each time', async () => {
    const members = () => [{ directory: 'd/' }, fileOf('d/a', 'x', 'yz'), fileOf('empty')];
    const tar = await packed(members());
    expect((await readTar(tar)).map(({ kind, path, content, mode }) => [kind, path, content, mode])).toEqual([
      ['dir', 'd/', '', 0o755],
      ['file', 'd/a', 'xyz', 0o644],
      ['file', 'empty', '', 0o644],
    ]);
    expect(await packed(members())).toEqual(tar);
    expect(await packed([])).toEqual(Buffer.alloc(1024));
  });

  it('writes any contents, in any parts', async () => {
    const content = fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(content, { maxLength: 4 }), async (contents) => {
        const members = contents.map((parts, i) => {
          const size = parts.reduce((sum, { length }) => sum + length, 0);
          return { name: `f${i}`, size, content: parts.map((part) => part.slice()) };
        });
        const read = await readTar(await packed(members));
        expect(read.map((one) => one.content)).toEqual(
          contents.map((parts) => Buffer.concat(parts).toString('latin1')),
        );
      }),
      { numRuns: 50 },
    );
  });

  it.each([-1, 1])('fails for a content of another size than the header has: %d bytes', async (more) => {
    const wrong = { name: 'a', size: 3 + more, content: [Buffer.from('abc')] };
    await expect(packed([wrong, fileOf('b', 'x')])).rejects.toThrow('Size mismatch');
  });

  it('throws what a member throws, and what a content throws', async () => {
    async function* failingAfter<T>(first: T): AsyncGenerator<T> {
      yield first;
      await nextTurn();
      throw new Error('of the disk');
    }
    await expect(packed(failingAfter(fileOf('a', 'x')))).rejects.toThrow('of the disk');
    const content = failingAfter(Buffer.from('x'));
    await expect(packed([{ name: 'a', size: 9, content }])).rejects.toThrow('of the disk');
  });

  it('reads no further than its reader, and ends a content that is not wanted', async () => {
    const PART = Buffer.alloc(64 * 1024);
    let made = 0;
    const ended = new EventTarget();
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          made++;
          yield PART;
        }
      } finally {
        ended.dispatchEvent(new Event('end'));
      }
    }
    const isEnded = once(ended, 'end');
    let taken = 0;
    for await (const part of packFiles([{ name: 'a', size: 2 ** 40, content: endless() }])) {
      for (let turns = 0; turns < 10; turns++) await nextTurn();
      expect(made - taken).toBeLessThan(5);
      expect(part.length).toBeLessThanOrEqual(PART.length);
      if (++taken === 20) break;
    }
    await isEnded;
  });
});
