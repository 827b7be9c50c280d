import { expect, it } from 'vitest';
import { findUnnameable } from '#src/fuse/fuse-native/unnameable.js';
import { MemoryFs } from '../memory-fs.js';

const RAW = Buffer.from([0x63, 0xff]);

it('finds nothing where all is UTF-8', () => {
  const fs = new MemoryFs();
  fs.symlink(fs.dir(fs.dir(fs.root, 'größe'), '\ufffd'), '😀', '../é');
  expect(findUnnameable(fs)).toBeUndefined();
});

it('counts names and targets, and names the first', () => {
  const fs = new MemoryFs();
  const dir = fs.dir(fs.root, 'dir');
  fs.file(dir, RAW, '');
  fs.file(fs.dir(dir, Buffer.from([0xfe])), 'below', ''); // the directory counts, not what is in it
  fs.symlink(dir, 'link', RAW);
  expect(findUnnameable(fs)).toEqual({ names: 2, targets: 1, example: '/dir/c\ufffd' });
});

it('names a link by its own name', () => {
  const fs = new MemoryFs();
  fs.symlink(fs.dir(fs.root, 'dir'), 'link', RAW);
  expect(findUnnameable(fs)).toEqual({ names: 0, targets: 1, example: '/dir/link' });
});
