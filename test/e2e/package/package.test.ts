import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../support/child.js';
import { Workplace } from '../../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../../support/registry.js';
import { dir, file, tarOf } from '../../support/tar.js';

/** The package as npm packs it, installed without a network: all that it needs is in it. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const maker = new Workplace();
const prefix = maker.directory('prefix');
const installed = join(prefix, 'lib/node_modules/layerslayer');
const place = new Workplace([join(prefix, 'bin/layerslayer')]);
let registry: TestRegistry;
let packed: { filename: string; size: number; unpackedSize: number; files: { path: string }[] };

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'library/app:latest', {
    layers: [gzipSync(tarOf(dir('etc/'), file('etc/name', 'one\n')))],
  });
  // Without scripts: packing would build, and take dist away from under the other tests.
  const pack = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', maker.scratch], {
    cwd: ROOT,
  });
  [packed] = JSON.parse(pack.stdout) as [typeof packed];
  const options = ['--global', '--prefix', prefix, '--offline', '--omit=optional', '--no-audit', '--no-fund'];
  // An empty HOME: npm has cached nothing there.
  await run('npm', ['install', ...options, join(maker.scratch, packed.filename)], {
    cwd: maker.scratch,
    env: maker.env,
  });
});
afterAll(async () => {
  await place.cleanUp();
  await maker.cleanUp();
  await registry?.stop();
});

it('holds the programs, the papers and nothing else', () => {
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining([
      'package.json',
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
      'dist/THIRD-PARTY.txt',
      'dist/bin/layerslayer.js',
      'dist/man/layerslayer.1',
      'dist/web/index.html',
    ]),
  );
  const expected =
    /^(dist\/(bin\/([\w-]+\.m?js|package\.json)|library\/[\w-]+\.d\.ts|man\/[\w-]+\.1|web\/(index\.html|assets\/[\w-]+\.(js|css|svg))|THIRD-PARTY\.txt)|package\.json|[A-Z]+(\.md)?)$/;
  expect(paths.filter((path) => !expected.test(path))).toEqual([]);
  console.log(`${packed.size} bytes packed, ${packed.unpackedSize} unpacked, ${paths.length} files`);
});

it('installs nothing beside itself', () => {
  const names = readdirSync(dirname(installed));
  expect(names.filter((name) => !name.startsWith('.'))).toEqual(['layerslayer']);
  expect(existsSync(join(installed, 'node_modules'))).toBe(false);
});

it('brings its manual', async () => {
  const page = join(prefix, 'share/man/man1/layerslayer-mount.1');
  expect((await run('mandoc', ['-T', 'ascii', page])).stdout).toContain('Ctrl-C unmounts');
});

it('is described as npm and bundlers read it', async () => {
  const { messages, pkg = {} } = await publint({ pkgDir: installed, pack: false });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

it('asks to be unpacked: its processes and threads are files', () => {
  const { preferUnplugged } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  expect(preferUnplugged).toBe(true);
});

it('says its version', async () => {
  const { version }: { version: string } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect((await place.layerslayer(['--version'])).stdout).toBe(`layerslayer ${version}\n`);
});

it('shows its help', async () => {
  const { status, stdout } = await place.layerslayer(['--help']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^usage: layerslayer COMMAND/i);
});

it('mounts', async () => {
  const mnt = await place.mount(`${registry.host}/library/app:latest`);
  expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('one\n');
  await place.unmount(mnt);
  await place.allEnded();
});

it('mounts by mount(8), and is unmounted by umount(8)', async () => {
  const mnt = place.directory('by-mount');
  // mount(8) gives its helpers no PATH: the program is named in the source, in the form that fuse(8) has for it.
  const program = join(place.scratch, 'program');
  writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${join(prefix, 'bin/layerslayer')} "$@"\n`, {
    mode: 0o755,
  });
  const source = `${program}#${registry.host}/library/app:latest`;
  await run('mount', ['-t', 'fuse', '-o', 'ro,nodev', source, mnt], { env: place.env });
  expect((await run('cat', [`${mnt}/etc/name`])).stdout).toBe('one\n');
  await run('umount', [mnt]);
  await place.allEnded();
});
