import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { mountpointSpellings } from '#src/cli/commands/unmount/mountpoint-spellings.js';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'layerslayer-spellings-')));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
mkdirSync(join(directory, 'real/mnt'), { recursive: true });
symlinkSync('real', join(directory, 'parent'));
symlinkSync('parent/mnt', join(directory, 'link'));
symlinkSync('loop', join(directory, 'loop'));

it.each([
  ['real/mnt', 'real/mnt'],
  ['real/mnt/', 'real/mnt'],
  ['real/../real/mnt', 'real/mnt'],
  ['parent/mnt', 'real/mnt'],
  ['link', 'real/mnt'],
  ['real/gone', 'real/gone'],
  ['loop', 'loop'],
])('%s may be mounted as %s', (path, wanted) => {
  expect(mountpointSpellings(path, directory)).toContain(join(directory, wanted));
  expect(mountpointSpellings(join(directory, path), '/')).toContain(join(directory, wanted));
});
