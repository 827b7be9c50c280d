import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Spool } from '#src/carve/output/spool.js';
import type { SpooledFile } from '#src/carve/output/spooled-file.js';
import { noise } from '../blob/bytes.js';

const MIB = 1024 * 1024;
const NEVER = new AbortController().signal;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spooled-'));
  vi.stubEnv('TMPDIR', directory);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

async function copied(spooled: SpooledFile, size: number): Promise<Buffer> {
  const out = Buffer.alloc(size, 0xee);
  await spooled.copyTo({ write: (bytes, offset) => out.set(bytes, offset) }, () => undefined, NEVER);
  return out;
}

describe('a spooled file', () => {
  it.each([
    ['in memory', 3 * MIB],
    ['on disk', 5 * MIB],
    ['empty', 0],
  ])('has the written bytes, and zeros in between: %s', async (_, size) => {
    const spooled = new Spool().file(size);
    const wanted = Buffer.alloc(size);
    for (const at of [0, 1 * MIB, 3 * MIB - 5]) {
      if (at + 5 > size) continue;
      const part = Buffer.from(noise(at === MIB ? MIB : 5, at));
      part.copy(wanted, at);
      spooled.write(part, at);
    }
    expect((await copied(spooled, size)).equals(wanted)).toBe(true);
    expect(readdirSync(directory)).toEqual([]); // unnamed from the start
    spooled.discard();
    spooled.discard();
  });

  it('is apart from the others of its spool, on disk and in memory', async () => {
    const spool = new Spool();
    const sizes = [3 * MIB, 5 * MIB, 4 * MIB, 4 * MIB, 4 * MIB, 4 * MIB, 6 * MIB, 1];
    const files = sizes.map((size, i) => {
      const wanted = Buffer.alloc(size, i + 1);
      const spooled = spool.file(size);
      spooled.write(wanted, 0);
      return { size, wanted, spooled };
    });
    for (const { size, wanted, spooled } of files.reverse())
      expect((await copied(spooled, size)).equals(wanted)).toBe(true);
    expect(readdirSync(directory)).toEqual([]);
    spool.close();
  });

  it('has zeros where a discarded one had bytes, and takes its room in memory', async () => {
    const spool = new Spool();
    for (let i = 0; i < 20; i++) {
      for (const size of [4 * MIB, 5 * MIB]) {
        const spooled = spool.file(size);
        expect((await copied(spooled, size)).equals(Buffer.alloc(size))).toBe(true);
        spooled.write(Buffer.alloc(size, 0xff), 0);
        spooled.discard();
      }
    }
    vi.stubEnv('TMPDIR', join(directory, 'none'));
    expect(() => spool.file(4 * MIB)).not.toThrow(); // memory is free again
    spool.close();
  });

  it('names the unwritable directory, with advice', () => {
    vi.stubEnv('TMPDIR', join(directory, 'none'));
    expect(() => new Spool().file(5 * MIB)).toThrow(
      expect.objectContaining({
        code: 'IO_FAILED',
        message: expect.stringMatching(/none: no such file or directory; set TMPDIR to another directory/),
      }),
    );
    new Spool().file(3 * MIB).discard(); // needs none
  });

  it('ends when it is aborted', async () => {
    const stop = new AbortController();
    const spooled = new Spool().file(MIB);
    const writes: number[] = [];
    const sink = {
      write(_: Uint8Array, offset: number) {
        writes.push(offset);
        stop.abort(new Error('stop'));
      },
    };
    await expect(spooled.copyTo(sink, () => undefined, stop.signal)).rejects.toThrow('stop');
    expect(writes).toEqual([0]);
  });
});
