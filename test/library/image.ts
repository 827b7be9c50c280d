/** The image that tests of the library open. */
import { gzipSync } from 'node:zlib';
import { pushImage, type TestRegistry } from '../support/registry.js';
import { char, dir, file, hardlink, symlink, tarOf, whiteout } from '../support/tar.js';

export const LATIN1 = Buffer.from([0x64, 0x2f, 0xe9]); // d/é
export const LARGE = Buffer.alloc(700_000, 'layerslayer ');

export const LAYERS = [
  tarOf(
    dir('etc/', { mode: 0o750, uid: 7 }),
    file('etc/conf', 'old', { mode: 0o4755, mtime: '1.5', xattrs: { 'user.a': 'b' } }),
    file('gone', 'x'),
    file(LATIN1, 'latin1'),
    char('null', 1, 3),
  ),
  tarOf(
    file('etc/conf', 'new!'),
    symlink('conf', 'etc/conf'),
    whiteout('gone'),
    file('large', LARGE),
    hardlink('same', 'large'),
  ),
].map((tar) => gzipSync(tar));

/** @returns its reference */
export async function pushLibraryImage(registry: TestRegistry, name = 'app:one'): Promise<string> {
  await pushImage(registry, name, { layers: LAYERS });
  return `${registry.host}/${name}`;
}
