import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LayerslayerError } from '#dist/base/errors.js';
import { MemoryFs } from './memory-fs.js';
import { cleanUp, mountFs, output, probe, run, type TestMount, until } from './mounting.js';

const SIZE = 8 * 1024 * 1024 + 4321; // bytes: read-ahead, several requests, an odd end
const content = randomBytes(SIZE);

interface Gate {
  resolve: (data: Uint8Array) => void;
  signal: AbortSignal;
}
const gates: Gate[] = [];

const fs = new MemoryFs();
fs.file(fs.root, 'big', content);
fs.device(fs.root, 'late', SIZE, async (offset, length) => {
  await new Promise((resolve) => setImmediate(resolve));
  return content.subarray(offset, offset + length);
});
fs.file(fs.root, 'small', 'small');
fs.device(fs.root, 'broken', 4096, () => {
  throw new LayerslayerError('DIGEST_MISMATCH', 'page 0');
});
fs.device(fs.root, 'away', 4096, async () => {
  throw new LayerslayerError('REGISTRY_UNAVAILABLE', 'gone');
});
fs.device(fs.root, 'gated', 1 << 20, (_, __, signal) => {
  return new Promise((resolve) => gates.push({ resolve, signal: signal! }));
});
for (let i = 0; i < 64; i++) {
  fs.device(fs.root, `parallel-${i}`, SIZE, async (offset, length) =>
    content.subarray(offset, offset + length),
  );
}

let mount: TestMount;
beforeAll(async () => {
  mount = await mountFs(fs);
});
afterAll(cleanUp);

const at = (name: string) => `${mount.mountpoint}/${name}`;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test.each(['big', 'late'])('the whole of `%s`', async (name) => {
  expect((await output('sha256sum', at(name))).slice(0, 64)).toBe(sha256(content));
});

test.each(['big', 'late'])('any piece of `%s`', async (name) => {
  const places = [0, 1, 4095, 4096, 131_071, 1_048_575, SIZE - 4097, SIZE - 1, SIZE, SIZE + 5000];
  const lengths = [1, 4096, 4097, 131_072, 1_500_000];
  const pairs = places.flatMap((offset) => lengths.map((length): [number, number] => [offset, length]));
  for (let i = pairs.length - 1; i > 0; i -= 3) pairs.push(pairs.splice((i * 7919) % pairs.length, 1)[0]!);
  const pieces = await probe<string[]>('reads', at(name), JSON.stringify(pairs));
  for (const [i, [offset, length]] of pairs.entries()) {
    expect(
      pieces[i] === content.toString('hex', offset, Math.min(SIZE, offset + length)),
      `${offset} ${length}`,
    ).toBe(true);
  }
});

test('64 readers at once', async () => {
  const sums = Array.from({ length: 64 }, (_, i) => output('sha256sum', at(`parallel-${i}`)));
  for (const sum of await Promise.all(sums)) expect(sum.slice(0, 64)).toBe(sha256(content));
});

test('contents stay in the page cache: a second read asks nothing', async () => {
  await output('cat', at('small'));
  const { read } = fs.calls;
  await output('cat', at('small'));
  expect(fs.calls.read).toBe(read);
});

test('a fault is EIO, is logged, and does not stick', async () => {
  expect(await probe('readErrors', at('broken'), at('away'), at('small'))).toEqual(['EIO', 'EIO', 'ok']);
  expect(mount.log.join('\n')).toContain('page 0');
  expect(mount.log.join('\n')).toContain('gone');
});

/** Reads past the page cache, so that the kernel waits for us with the reader's own signals. */
const direct = (name: string, onSpawn?: (pid: number) => void) =>
  run('dd', [`if=${at(name)}`, 'of=/dev/null', 'iflag=direct', 'bs=4096', 'count=1'], onSpawn);

describe('reads that wait', () => {
  test('do not hold up others', async () => {
    const before = gates.length;
    const waiting = Array.from({ length: 10 }, () => direct('gated'));
    await until(() => gates.length === before + 10);
    expect((await output('cat', at('small'))).length).toBe(5);
    expect(await output('ls', mount.mountpoint)).toContain('small');
    for (const { resolve } of gates.slice(before)) resolve(Buffer.alloc(4096));
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(0);
  });

  test('end with the process that is interrupted', async () => {
    const before = gates.length;
    let pid = 0;
    const reader = direct('gated', (spawned) => {
      pid = spawned;
    });
    await until(() => gates.length > before);
    expect(gates[before]?.signal.aborted).toBe(false);
    process.kill(pid, 'SIGINT');
    expect((await reader).signal).toBe('SIGINT');
    expect(gates[before]?.signal.aborted).toBe(true);
    expect(await output('cat', at('small'))).toBe('small');
  });
});
