import { expect, test } from 'vitest';
import { MemoryFs } from '../fuse/memory-fs.js';
import { run } from '../support/child.js';
import { dir, fifo, file, symlink } from '../support/tar.js';
import { elsewhere } from './elsewhere.js';
import type { Scene, Subject } from './scene.js';

const LARGEST = 65_536; // bytes: XATTR_SIZE_MAX
const VALUES: Record<string, Buffer> = {
  'user.text': Buffer.from('a value'),
  'user.binary': Buffer.from([0, 1, 0xff, 0x0a, 0]),
  'user.large': Buffer.alloc(LARGEST, 'v'),
  [`user.${'n'.repeat(250)}`]: Buffer.from('of a long name'),
  'security.x': Buffer.from('s'),
  'trusted.x': Buffer.from('t'),
};
const MANY = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`user.${i}`, Buffer.from(String(i))]));
const RAW_NAME = Buffer.from([...Buffer.from('user.'), 0xff, 0xfe]);

export const xattrs: Subject = {
  name: 'xattrs',
  members: () => [
    dir('xattrs/', { xattrs: { 'user.dir': 'of a directory' } }),
    file('xattrs/file', '', { xattrs: VALUES }),
    file('xattrs/none'),
    file('xattrs/many', '', { xattrs: MANY }),
    symlink('xattrs/link', 'file', { xattrs: { 'trusted.link': 'of the link itself' } }),
    fifo('xattrs/fifo', { xattrs: { 'trusted.fifo': 'of a fifo' } }),
  ],
  tests(scene) {
    test.each(Object.keys(VALUES))('%s has its value, and its size is told', async (name) => {
      expect(await xattrOf(scene, 'xattrs/file', name)).toBe(VALUES[name]!.toString('hex'));
    });

    test('of directories, links and fifos, each its own', async () => {
      const told = await Promise.all([
        xattrOf(scene, 'xattrs', 'user.dir'),
        xattrOf(scene, 'xattrs/link', 'trusted.link'),
        xattrOf(scene, 'xattrs/fifo', 'trusted.fifo'),
        xattrOf(scene, 'xattrs/link', 'user.text'),
      ]);
      const texts = told.map((value) =>
        value.startsWith('E') ? value : Buffer.from(value, 'hex').toString(),
      );
      expect(texts).toEqual(['of a directory', 'of the link itself', 'of a fifo', 'ENODATA']);
    });

    test('that are not there are ENODATA', async () => {
      const asked = ['user.nothing', 'trusted.nothing', 'security.capability', 'layerslayer.nothing'];
      expect(await Promise.all(asked.map((name) => xattrOf(scene, 'xattrs/none', name)))).toEqual(
        asked.map(() => 'ENODATA'),
      );
      // What `ls -l` asks of each file; both answers mean that there is none.
      expect(['ENODATA', 'ENOTSUP']).toContain(
        await xattrOf(scene, 'xattrs/none', 'system.posix_acl_access'),
      );
    });

    test('are listed by name: those of the image, not ours', async () => {
      const paths = ['xattrs/file', 'xattrs/none', 'xattrs/many', 'xattrs'].map((path) => scene.at(path));
      const lists = await elsewhere(
        ({ libc, Buffer: bytes }, all) =>
          all.map((path) => {
            const size = libc.listxattr(path, null, 0);
            const buffer = bytes.alloc(size);
            const length = size === 0 ? 0 : libc.listxattr(path, buffer, size);
            return buffer.toString('latin1', 0, length).split('\0').slice(0, -1).sort();
          }),
        paths,
      );
      expect(lists).toEqual([Object.keys(VALUES).sort(), [], Object.keys(MANY).sort(), ['user.dir']]);
      expect(await xattrOf(scene, 'xattrs/none', 'layerslayer.index')).toMatch(/^3\d$/);
    });

    test('are carried by getfattr, cp and tar', async () => {
      const { stdout } = await run('getfattr', [
        '--absolute-names',
        '-d',
        '-m',
        '-',
        scene.at('xattrs/many'),
      ]);
      expect(stdout.match(/^user\.\d+="\d+"$/gm)).toHaveLength(500);
      const count = 'tar -C "$1" --xattrs --xattrs-include="*" -c xattrs/file | grep -ac SCHILY.xattr';
      const packed = await run('sh', ['-c', count, 'sh', scene.mountpoint]);
      expect(Number(packed.stdout)).toBe(Object.keys(VALUES).length);
    });

    scene.carried(
      'shortXattrBuffers',
      'are ERANGE in a buffer that is too short, values and lists',
      async () => {
        const told = await elsewhere(({ libc, errorOf, Buffer: bytes }, path) => {
          const get = (name: string, size: number) =>
            errorOf(() => libc.getxattr(path, name, bytes.alloc(size), size));
          const list = (size: number) => errorOf(() => libc.listxattr(path, bytes.alloc(size), size));
          return [get('user.text', 1), get('user.text', 6), get('user.large', 65_535), list(1), list(20)];
        }, scene.at('xattrs/file'));
        expect(told).toEqual(['ERANGE', 'ERANGE', 'ERANGE', 'ERANGE', 'ERANGE']);
      },
    );

    test('fit a buffer that is just long enough, and one that is too long', async () => {
      const told = await elsewhere(({ libc, Buffer: bytes }, path) => {
        const get = (name: string, size: number) => libc.getxattr(path, name, bytes.alloc(size), size);
        return [get('user.text', 7), get('user.text', 8), get('user.text', 65_536)];
      }, scene.at('xattrs/file'));
      expect(told).toEqual([7, 7, 7]);
    });

    // No archive has these: a PAX record without a value removes its key, and its keys are UTF-8.
    test('without a value have none', async () => {
      const fs = new MemoryFs();
      fs.file(fs.root, 'file', '', { xattrs: { 'user.empty': Buffer.alloc(0) } });
      const { mountpoint } = await scene.mountFs(fs);
      const told = await elsewhere(
        ({ libc, Buffer: bytes }, path) => [
          libc.getxattr(path, 'user.empty', null, 0),
          libc.getxattr(path, 'user.empty', bytes.alloc(1), 1),
          libc.listxattr(path, null, 0),
        ],
        `${mountpoint}/file`,
      );
      expect(told).toEqual([0, 0, 'user.empty'.length + 1]);
    });

    scene.carried('nonUtf8Names', 'have names of any bytes', async () => {
      const fs = new MemoryFs();
      fs.file(fs.root, 'file', '', { xattrs: { [RAW_NAME.toString('latin1')]: Buffer.from('raw') } });
      const { mountpoint } = await scene.mountFs(fs);
      const told = await elsewhere(
        ({ libc, Buffer: bytes }, path, name) => {
          const [value, list] = [bytes.alloc(10), bytes.alloc(100)];
          const length = libc.getxattr(path, bytes.from(name, 'hex'), value, 10);
          return [
            value.toString('latin1', 0, length),
            list.toString('hex', 0, libc.listxattr(path, list, 100)),
          ];
        },
        `${mountpoint}/file`,
        `${RAW_NAME.toString('hex')}00`,
      );
      expect(told).toEqual(['raw', `${RAW_NAME.toString('hex')}00`]);
    });
  },
};

/** In hex; or the error's name. Links are not followed. */
function xattrOf(scene: Scene, path: string, name: string): Promise<string> {
  return elsewhere(
    ({ libc, Buffer: bytes }, at, attribute) => {
      try {
        const size = libc.lgetxattr(at, attribute, null, 0);
        const buffer = bytes.alloc(size + 1);
        return buffer.toString('hex', 0, libc.lgetxattr(at, attribute, buffer, size + 1));
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? String(error);
      }
    },
    scene.at(path),
    name,
  );
}
