import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attempt, run } from '../support/child.js';
import { FaultProxy, status } from '../support/fault-proxy.js';
import { buildRealImage, LARGE_FILE, LARGE_FILE_SIZE } from '../support/images.js';
import { until, Workplace } from '../support/mounts.js';
import { type OciLayout, pushLayout, unpackLayout } from '../support/oci-layout.js';
import { startRegistry, type TestRegistry } from '../support/registry.js';
import { compareTrees, tellDifferences } from '../support/tree-compare.js';

/** Image of the machine's own files and everything odd, served by a real registry, against umoci's unpacking of it. */
const place = new Workplace();
let registry: TestRegistry;
let proxy: FaultProxy;
let image: OciLayout;
let oracle: string;
let reference: string;
let mnt: string;

beforeAll(async () => {
  registry = await startRegistry();
  proxy = await FaultProxy.start({ target: registry.url });
  image = await buildRealImage(place.scratch);
  await pushLayout(registry, image, 'library/real:latest');
  oracle = await unpackLayout(image, `${place.scratch}/oracle`);
  reference = `${proxy.host}/library/real:latest`;
});

afterAll(async () => {
  await place.cleanUp();
  await proxy?.stop();
  await registry?.stop();
});

/** What the registry was asked. */
const asked = () => proxy.seen.map(({ method, path }) => `${method} ${path}`);

const sh = (script: string, ...args: string[]) =>
  run('bash', ['-euo', 'pipefail', '-c', script, 'bash', ...args], { cwd: mnt });

describe('a real image, mounted', () => {
  it('says so in one line', async () => {
    mnt = place.directory('mnt');
    const ended = await place.layerslayer(['mount', reference, mnt]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const line =
      /^(\S+)@(sha256:[0-9a-f]{64}) \(linux\/\w+, (\d+) layers, (\d+) entries\) on (\S+), ([0-9.]+ [KMG]?i?B) fetched in ([0-9.]+) m?s\n$/;
    expect(ended.stdout).toMatch(line);
    const [, named, digest, layers, , on] = line.exec(ended.stdout)!;
    expect([named, digest, layers, on]).toEqual([reference, image.digest, String(image.layers.length), mnt]);
  });

  it('stands in /proc/mounts as what it is', async () => {
    const { stdout } = await run('findmnt', [
      '--noheadings',
      '--raw',
      '--output',
      'SOURCE,FSTYPE,OPTIONS',
      mnt,
    ]);
    const [source, type, options = ''] = stdout.trim().split(' ');
    expect([source, type]).toEqual([reference, 'fuse.layerslayer']);
    expect(options.split(',')).toEqual(expect.arrayContaining(['ro', 'nosuid', 'nodev']));
  });

  it('is what umoci unpacks: names, types, modes, owners, times, links, devices, attributes, contents', async () => {
    expect(tellDifferences(await compareTrees(mnt, oracle))).toBe('');
  }, 240_000);

  it('serves ls -lR, find, grep -r and tar to the end without a complaint', async () => {
    const everything = await sh(
      'ls -lR . | tail -n 1; find . | wc -l; (grep -r "small file 99" . || true) | sort; tar -c . | cat >/dev/null',
    );
    expect(everything.stderr).toBe('');
    const there = await run('bash', ['-c', '(grep -r "small file 99" . || true) | sort'], { cwd: oracle });
    expect(there.stdout.split('\n').length).toBeGreaterThan(100);
    expect(everything.stdout).toContain(there.stdout);
  }, 240_000);

  it('is the same to tar --diff', async () => {
    // Compares what GNU tar reads of the mount with the unpacked tree: a second opinion beside our own comparer.
    const { stdout, stderr } = await sh('tar --format=posix -cf - . | tar -C "$1" --diff -f - ', oracle);
    expect(stdout + stderr).toBe('');
  }, 240_000);

  it('answers four shells at once, each right', async () => {
    const sums =
      'find . -type f -print0 | LC_ALL=C sort -z $1 | xargs -0 sha256sum -z | LC_ALL=C sort -z | sha256sum';
    const wanted = (await run('bash', ['-c', sums], { cwd: oracle })).stdout;
    const orders = ['', '-r', '-R', '-k2'];
    const answers = await Promise.all(orders.map((order) => sh(sums, order)));
    expect(answers.map(({ stdout }) => stdout)).toEqual(orders.map(() => wanted));
  }, 240_000);

  it('gives any part of a large file, in any order', async () => {
    const KIB = 1024;
    const offsets = Array.from({ length: 40 }, (_, at) => {
      // scattered, repeatable: a hash of the number
      const random = createHash('sha256').update(String(at)).digest().readUInt32LE();
      return Math.floor((random / 2 ** 32) * (LARGE_FILE_SIZE - 100 * KIB));
    });
    const read = 'tail -c +$(($2 + 1)) "$1" | head -c 100001 | sha256sum';
    // head ends the pipe early: tail's SIGPIPE is no failure
    const part = (root: string, offset: number) =>
      run('bash', ['-c', read, 'bash', `${root}/${LARGE_FILE}`, String(offset)]);
    const parts = (root: string) =>
      Promise.all(offsets.map(async (offset) => (await part(root, offset)).stdout));
    expect(await parts(mnt)).toEqual(await parts(oracle));
  });

  it('refuses every change with EROFS', async () => {
    const changes = [
      'touch etc/new-name',
      'mkdir new-dir',
      'rm etc/os-release',
      'mv etc/os-release x',
      'ln etc/os-release x',
      'ln -s a x',
      'chmod 600 etc/os-release',
      'chown 1 etc/os-release',
      'truncate -s 0 etc/os-release',
      'echo x >>etc/os-release',
      'mknod x p',
      'setfattr -n user.x -v y etc/os-release',
      'touch etc/os-release',
    ];
    for (const change of changes) {
      const { status, stderr } = await attempt('bash', ['-c', change], { cwd: mnt });
      expect([change, status === 0, stderr]).toEqual([
        change,
        false,
        expect.stringContaining('Read-only file system'),
      ]);
    }
  });

  it('says where a file comes from, when asked by name', async () => {
    const ask = async (path: string, name: string) =>
      (await sh('getfattr -h --only-values -n "$1" "$2"', `layerslayer.${name}`, path)).stdout;
    const table: [string, number][] = [
      ['etc/os-release', 6],
      ['etc', 4],
      ['var/os-release', 2],
      ['devices/null', 2],
      ['usr/bin', 1],
      [LARGE_FILE, 3],
    ];
    for (const [path, layer] of table) {
      expect([path, await ask(path, 'index')]).toEqual([path, String(layer)]);
      expect(await ask(path, 'layer')).toBe(image.layers[layer - 1]!.digest);
      expect(await ask(path, 'created_by')).toBe(`RUN step-${layer}`);
    }
  });

  it('tells the truth to statfs', async () => {
    const { stdout } = await run('stat', ['-f', '-c', '%S %f %a %c %l', mnt]);
    const [blockSize, free, available, files, nameMax] = stdout.trim().split(' ');
    expect([blockSize, free, available, nameMax]).toEqual(['4096', '0', '0', '255']);
    expect(Number(files)).toBeGreaterThan(10_000);
  });

  it('is told by mounts, with what it read', async () => {
    const told = (await place.listed()).find(({ mountpoint }) => mountpoint === mnt)!;
    expect(told).toMatchObject({ image: reference, digest: image.digest, mountpoint: mnt });
    expect(place.processes()).toContain(told.pid);
    expect(told.bytesFetched).toBeGreaterThanOrEqual(
      image.layers.reduce((sum, layer) => sum + layer.size, 0),
    );
    expect(told.bytesServed).toBeGreaterThan(LARGE_FILE_SIZE);
    expect(Number.isNaN(Date.parse(told.since))).toBe(false);
    expect((await place.layerslayer(['mounts'])).stdout).toContain(mnt);
  });
});

describe('a second mount', () => {
  it('comes after an unmount that leaves no process', async () => {
    await place.unmount(mnt);
    expect(place.mounts()).toEqual([]);
    await place.allEnded();
  });

  it('asks the registry for the manifest and for nothing else', async () => {
    proxy.seen.length = 0;
    await place.mount(reference);
    expect(asked().length).toBeGreaterThan(0);
    expect(
      asked().filter((line) => !/^(HEAD|GET) \/v2\/(library\/real\/manifests\/\S+)?$/.test(line)),
    ).toEqual([]);
  });

  it('by digest asks nothing at all', async () => {
    await place.unmount(mnt);
    proxy.seen.length = 0;
    await place.mount(`${proxy.host}/library/real@${image.digest}`);
    expect(asked()).toEqual([]);
  });

  it('has the same inode numbers', async () => {
    const inodes = async () => (await sh("find . -printf '%i %p\\0' | LC_ALL=C sort -z | sha256sum")).stdout;
    const before = await inodes();
    await place.unmount(mnt);
    await place.mount(reference);
    expect(await inodes()).toEqual(before);
  }, 240_000);
});

describe('a kept tree', () => {
  const trees = () =>
    (readdirSync(join(place.cache, 'v2/trees'), { recursive: true }) as string[])
      .filter((name) => name.includes('/'))
      .map((name) => join(place.cache, 'v2/trees', name));
  const names = async () => (await sh("find . -printf '%p %s %n\\0' | LC_ALL=C sort -z | sha256sum")).stdout;

  it('is used again; a damaged one is made anew, and the log says so', async () => {
    const before = await names();
    expect(trees()).toHaveLength(1);
    const { ino } = statSync(trees()[0]!);
    await place.unmount(mnt);
    await place.mount(reference);
    expect(statSync(trees()[0]!).ino).toBe(ino); // not written again
    expect(await names()).toBe(before);

    await place.unmount(mnt);
    const whole = readFileSync(trees()[0]!);
    const damaged = Buffer.from(whole);
    damaged[damaged.length >> 1]! ^= 1;
    writeFileSync(trees()[0]!, damaged);
    await place.mount(reference);
    expect(await names()).toBe(before);
    const [listed] = await place.listed();
    expect(readFileSync(listed!.log, 'utf8')).toContain('the cached tree is not used: kept tree: checksum');
    await until(
      () => trees().length === 1 && readFileSync(trees()[0]!).equals(whole),
      5_000,
      () => `kept: ${trees()}`,
    );
  }, 240_000);
});

describe('a daemon that was killed', () => {
  it('leaves a dead mount, which the next mount clears away', async () => {
    const [daemon] = place.processes();
    process.kill(daemon!, 'SIGKILL');
    await until(
      () => !place.processes().includes(daemon!),
      5_000,
      () => 'the daemon survived SIGKILL',
    );
    // statfs is asked anew each time; what ls shows may still be in the kernel's cache. ECONNABORTED while the connection ends
    expect((await attempt('stat', ['-f', mnt])).stderr).toMatch(
      /Transport endpoint is not connected|Software caused connection abort/,
    );
    await place.mount(reference);
    expect(place.mounts()).toEqual([mnt]);
    expect((await sh('cat etc/os-release')).stdout).toBe('PRETTY_NAME="the real image"\n');
  });

  it('leaves a dead mount that unmount clears away', async () => {
    const [daemon] = place.processes();
    process.kill(daemon!, 'SIGKILL');
    await until(
      () => !place.processes().includes(daemon!),
      5_000,
      () => 'the daemon survived SIGKILL',
    );
    await place.unmount(mnt);
    expect(place.mounts()).toEqual([]);
  });
});

describe('without a registry', () => {
  it('what is kept is served; the rest is EIO until it is back', async () => {
    // Keeps indexes, but hardly any page of the 100 MB of layers.
    await place.mount(reference, 'mnt', [
      '--cache-dir',
      place.directory('small-cache'),
      '--cache-size',
      '32MiB',
      '--memory',
      '4MiB',
    ]);
    const wanted = (await run('sha256sum', ['etc/os-release', LARGE_FILE], { cwd: oracle })).stdout.split(
      '\n',
    );
    expect((await sh('sha256sum etc/os-release')).stdout.trim()).toBe(wanted[0]);
    proxy.rules.push({ path: /./, fault: status(503) });
    proxy.cutConnections();
    expect((await sh('sha256sum etc/os-release; find . | wc -l')).stdout).toContain(wanted[0]);
    const failed = await attempt('sha256sum', [LARGE_FILE], { cwd: mnt });
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('Input/output error');
    proxy.rules.length = 0;
    expect((await sh('sha256sum "$1"', LARGE_FILE)).stdout.trim()).toBe(wanted[1]);
    await place.unmount(mnt);
  }, 240_000);
});
