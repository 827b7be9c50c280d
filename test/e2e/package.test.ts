import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../support/child.js';
import { Workplace } from '../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

/** The package as npm hands it out, installed without development dependencies. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const maker = new Workplace();
const prefix = maker.directory('prefix');
const place = new Workplace([join(prefix, 'bin/layerslayer')]);
let registry: TestRegistry;
let packed: string[];

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'library/app:latest', {
    layers: [gzipSync(tarOf(dir('etc/'), file('etc/name', 'one\n')))],
  });
  // Without scripts: packing would build, and take dist away from under the other tests.
  const pack = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', maker.scratch], {
    cwd: ROOT,
  });
  const [{ filename, files }] = JSON.parse(pack.stdout) as [{ filename: string; files: { path: string }[] }];
  packed = files.map(({ path }) => path);
  const options = [
    '--global',
    '--prefix',
    prefix,
    '--omit=dev',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
  ];
  await run('npm', ['install', ...options, join(maker.scratch, filename)], { cwd: maker.scratch });
});
afterAll(async () => {
  await place.cleanUp();
  await maker.cleanUp();
  await registry?.stop();
});

it('holds the built code, the papers and nothing else', () => {
  expect(packed).toEqual(
    expect.arrayContaining([
      'package.json',
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
      'dist/bin/layerslayer.js',
    ]),
  );
  expect(
    packed.filter(
      (path) =>
        !/^(dist\/.+\.(js|d\.ts)|(dist\/bin\/)?package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(path),
    ),
  ).toEqual([]);
});

it('says its version', async () => {
  const { version }: { version: string } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect((await place.layerslayer(['--version'])).stdout).toBe(`layerslayer ${version}\n`);
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
