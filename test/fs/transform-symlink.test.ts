import { describe, expect, it } from 'vitest';
import type { Attributes } from '#src/fs/layer-fs.js';
import { MergedFs } from '#src/fs/merged-fs.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { hardlink, layerWith, symlink, type TestEntry } from '../support/entries.js';

const MOUNTPOINT = '/mnt/img';

function linkAt(path: string, entries: TestEntry[], transformSymlinks: string | undefined) {
  const layer = layerWith(1, ...entries);
  const tree = mergeLayers([{ entries: layer.entries, number: 1 }]);
  const fs = new MergedFs(tree, new Map([[1, layer]]), { transformSymlinks, createdBy: () => undefined });
  const inode = path.split('/').reduce((parent, name) => fs.lookup(parent, Buffer.from(name)), ROOT_INODE);
  const target = Buffer.from(fs.readlink(inode)).toString();
  return { target, size: fs.getattr(inode, {} as Attributes).size };
}

describe('transformSymlinks', () => {
  it.each([
    ['l', '/etc/x', 'etc/x'],
    ['a/l', '/etc/x', '../etc/x'],
    ['a/b/l', '/etc/x', '../../etc/x'],
    ['a/b/l', '/', '../..'],
    ['l', '/', '.'],
    ['a/l', '//etc//x/', '../etc//x/'],
    ['a/l', '/../../etc', '../etc'],
    ['a/l', '/./..', '..'],
    ['a/l', '/..etc', '../..etc'],
    ['a/l', '/.hidden', '../.hidden'],
    ['a/l', '/etc/../x', '../etc/../x'],
    ['a/l', 'etc/x', 'etc/x'],
    ['a/l', '../../../etc', '../../../etc'],
    ['a/l', `/${'x'.repeat(4092)}`, `../${'x'.repeat(4092)}`],
    // Longer than the kernel holds: better the image's own target than none.
    ['a/l', `/${'x'.repeat(4093)}`, `/${'x'.repeat(4093)}`],
  ])('%s -> %s becomes %s', (path, target, wanted) => {
    expect(linkAt(path, [symlink(path, target)], MOUNTPOINT)).toEqual({
      target: wanted,
      size: wanted.length,
    });
    expect(linkAt(path, [symlink(path, target)], undefined)).toEqual({ target, size: target.length });
  });

  it('counts the real directories above a link that was placed behind another', () => {
    const entries = [symlink('short', 'a/b/c'), symlink('short/l', '/etc/x')];
    expect(linkAt('a/b/c/l', entries, MOUNTPOINT).target).toBe('../../../etc/x');
  });

  it('takes the mountpoint for a link with names at several depths', () => {
    const entries = [symlink('l', '/etc/x'), hardlink('a/b/l', 'l')];
    expect(linkAt('a/b/l', entries, MOUNTPOINT).target).toBe('/mnt/img/etc/x');
  });
});
