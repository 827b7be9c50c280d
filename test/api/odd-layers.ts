import { dir, file, symlink, tarOf, whiteout } from '../support/tar.js';

/** Layers with a loop of links, a link out of the root, a name of odd bytes, and a deletion. */
export const ODD_LAYERS: readonly Uint8Array[] = [
  tarOf(
    dir('a/'),
    file('a/1', '1'),
    symlink('loop', 'loop'),
    symlink('up', '../../..'),
    file(Buffer.from('a/\xff\xfe', 'latin1'), 'x'),
    file('a/b/c/d', 'd'),
  ),
  tarOf(whiteout('a/1'), file('a/2', '2')),
];
