/** A layer with long windows, whose checkpoint states are a cached file of their own. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, noise } from '../blob/bytes.js';
import { randomSource } from '../codec/gzip/plain.js';
import { run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { file, tarOf } from '../support/tar.js';
import { compressZstd } from '../support/zstd.js';

const MIB = 1024 * 1024;

/** Files that repeat pieces of the first, up to 30 MiB back, with something new in between. */
function files(): Record<string, Buffer> {
  const random = randomSource(5);
  const base = Buffer.from(noise(10 * MIB, 1));
  const found: Record<string, Buffer> = { base };
  for (const [i, name] of ['b', 'c', 'd'].entries()) {
    const fresh = noise(300 * 2500, i + 2);
    const parts: Uint8Array[] = [];
    for (let part = 0; part < 2500; part++) {
      const from = random(base.length - 3000);
      parts.push(base.subarray(from, from + 3000), fresh.subarray(part * 300, (part + 1) * 300));
    }
    found[name] = Buffer.concat(parts);
  }
  return found;
}

const contents = files();
const names = Object.keys(contents);
const blob = compressZstd(tarOf(...names.map((name) => file(name, contents[name]!))), ['-9', '--long=27']);
const digest = digestOf(blob);
const sums = names.map((name) => digestOf(contents[name]!).slice('sha256:'.length));

let registry: TestRegistry;
let place: Workplace;
let image: string;
beforeAll(async () => {
  registry = await startRegistry();
  place = new Workplace();
  await pushImage(registry, 'long:v1', { layers: [blob] });
  image = `${registry.host}/long:v1`;
});
afterAll(async () => {
  await place?.cleanUp();
  await registry?.stop();
});

const statesFile = () => join(place.cache, 'v2/states/3', digest);
const indexFile = () => join(place.cache, 'v2/index/3', digest);

interface ReadOptions {
  args?: readonly string[];
  name?: string; // of the mountpoint, which has a log of its own
  mounted?(): void;
}

/** Mounts, reads files in an order, and unmounts. @returns their SHA-256, and the mount's log */
async function read(order: readonly string[], { args, name = 'mnt', mounted = () => {} }: ReadOptions = {}) {
  const mnt = await place.mount(image, name, args);
  const { log } = (await place.listed())[0]!;
  mounted();
  const { stdout } = await run(
    'sha256sum',
    order.map((one) => join(mnt, one)),
  );
  await place.unmount(mnt);
  return {
    sums: stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]!),
    log: readFileSync(log, 'utf8'),
  };
}

describe('a layer made by zstd --long', () => {
  it('is read by the states beside its index', async () => {
    expect((await read(names)).sums).toEqual(sums);
    expect(statSync(statesFile()).size).toBeGreaterThan(0.032 * blob.length);
    expect(statSync(indexFile()).size).toBeLessThan(0.01 * blob.length);
    const { stdout } = await place.layerslayer(['cache', 'ls', '--json']);
    const indexBytes = statSync(statesFile()).size + statSync(indexFile()).size;
    expect(JSON.parse(stdout).layers).toMatchObject([{ digest, indexBytes }]);
  });

  it('is read by them also when the cache evicts them during the mount', async () => {
    const mounted = () => {
      rmSync(statesFile());
      rmSync(indexFile());
    };
    const stored = [statesFile(), indexFile()].map((path) => readFileSync(path));
    const { sums: found, log } = await read(['d', 'b'], { mounted, name: 'evicted' });
    expect(found).toEqual([sums[3], sums[1]]);
    expect(log).not.toContain('warn');
    for (const [i, path] of [statesFile(), indexFile()].entries()) writeFileSync(path, stored[i]!);
  });

  it('is read right without them, in any order, and the log says so', async () => {
    rmSync(statesFile());
    const { sums: found, log } = await read(names.toReversed());
    expect(found).toEqual(sums.toReversed());
    expect(log.match(/states are not cached any more; reads are slow/g)).toHaveLength(1);
  });

  it('has them made again by `index`, once', async () => {
    const index = () => place.layerslayer(['index', image, '--json']);
    const states = async () =>
      JSON.parse((await index()).stdout).layers.map((one: { state: string }) => one.state);
    expect(await states()).toEqual(['indexed']);
    expect(await states()).toEqual(['cached']);
    const { sums: found, log } = await read(['d', 'base'], { name: 'again' });
    expect(found).toEqual([sums[3], sums[0]]);
    expect(log).not.toContain('slow');
  });

  it('is published with them in one file, and read by that elsewhere', async () => {
    rmSync(statesFile());
    const { stdout } = await place.layerslayer(['index', '--push', image, '--json']);
    const { uploadedBytes, layers } = JSON.parse(stdout);
    expect(layers).toMatchObject([{ state: 'indexed' }]);
    expect(uploadedBytes).toBe(statSync(statesFile()).size + statSync(indexFile()).size - 8); // section 14
    const other = join(place.scratch, 'other-cache');
    const { sums: found } = await read(['d', 'b'], {
      args: ['--index=any', '--cache-dir', other],
      name: 'other',
    });
    expect(found).toEqual([sums[3], sums[1]]);
    // Their groups are fetched when a read needs them.
    const [index] = readdirSync(join(other, 'v2/index/3'));
    expect(index).toMatch(new RegExp(`^${digest}\\.`));
    expect(statSync(join(other, 'v2/index/3', index!)).size).toBeLessThan(0.01 * blob.length);
  });
});
