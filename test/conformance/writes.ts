import { expect, test } from 'vitest';
import { run } from '../support/child.js';
import { dir, fifo, file, symlink } from '../support/tar.js';
import { listTree } from '../support/tree-listing.js';
import { elsewhere } from './elsewhere.js';
import type { Subject } from './scene.js';

const XATTRS = { 'user.x': 'y' };

export const writes: Subject = {
  name: 'writes',
  members: () => [
    dir('writes/', { mode: 0o777 }),
    file('writes/file', 'content', { mode: 0o666, xattrs: XATTRS }),
    file('writes/other', 'other', { mode: 0o666 }),
    symlink('writes/link', 'file', { xattrs: { 'trusted.x': 'y' } }),
    fifo('writes/fifo', { mode: 0o666 }),
    dir('writes/empty/', { mode: 0o777 }),
    dir('writes/dir/', { mode: 0o777, xattrs: XATTRS }),
    file('writes/dir/below', 'below', { mode: 0o666 }),
  ],
  tests(scene) {
    test('are EROFS, whatever the call', async () => {
      const before = await listTree(scene.at('writes'));
      const refused = await refusals(scene.at('writes'));
      expect(Object.keys(refused).length).toBeGreaterThan(45);
      expect(refused).toEqual(Object.fromEntries(Object.keys(refused).map((call) => [call, 'EROFS'])));
      expect(await listTree(scene.at('writes'))).toEqual(before);
    });

    test('find out first that a name is taken', async () => {
      const told = await elsewhere(({ fs, libc, errorOf }, at) => {
        const { O_CREAT, O_EXCL, O_RDWR } = fs.constants;
        return [
          errorOf(() => fs.mkdirSync(`${at}/file`)),
          errorOf(() => fs.symlinkSync('x', `${at}/link`)),
          errorOf(() => fs.linkSync(`${at}/file`, `${at}/other`)),
          errorOf(() => libc.mkfifo(`${at}/file`, 0o600)),
          errorOf(() => fs.openSync(`${at}/file`, O_RDWR | O_CREAT | O_EXCL)),
          errorOf(() => fs.openSync(`${at}/file`, fs.constants.O_RDONLY | O_CREAT)),
        ];
      }, scene.at('writes'));
      expect(told).toEqual(['EEXIST', 'EEXIST', 'EEXIST', 'EEXIST', 'EEXIST', 'ok']);
    });

    test('to a private mapping stay private', async () => {
      const told = await elsewhere(({ fs, libc }, path) => {
        const [PROT_READ, PROT_WRITE, MAP_PRIVATE] = [1, 2, 2];
        const descriptor = fs.openSync(path, 'r');
        const mapped = libc.mmap(descriptor, 0, 7, PROT_READ | PROT_WRITE, MAP_PRIVATE);
        mapped.write('CON');
        return [mapped.toString('latin1'), fs.readFileSync(path, 'latin1')];
      }, scene.at('writes/file'));
      expect(told).toEqual(['CONtent', 'content']);
    });

    test('go through a fifo, which is the kernel’s own', async () => {
      const command = 'cat <"$1" & printf through >"$1"; wait';
      const { stdout } = await run('sh', ['-c', command, 'sh', scene.at('writes/fifo')]);
      expect(stdout).toBe('through');
    });

    test('are EROFS also after a remount as writable, when they come to us', async () => {
      const { mountpoint } = await scene.mountAgain();
      await run('mount', ['-i', '-o', 'remount,rw', mountpoint]);
      const before = await listTree(`${mountpoint}/writes`);
      const told = await refusals(`${mountpoint}/writes`);
      const expected = Object.keys(told).map((call) => [
        call,
        LEFT_TO_THE_KERNEL[call]?.find((one) => one === told[call]) ?? 'EROFS',
      ]);
      expect(told).toEqual(Object.fromEntries(expected));
      expect(await listTree(`${mountpoint}/writes`)).toEqual(before);
    });
  },
};

/**
 * Other results where the mount itself is writable. An open changes nothing yet. Two file systems
 * can't copy to each other. Where a transport's protocol has no request, the kernel refuses with
 * its own error.
 */
const LEFT_TO_THE_KERNEL: Record<string, readonly string[]> = {
  open: ['ok'],
  'open for both': ['ok'],
  'copy_file_range into it': ['EXDEV'],
  'open O_TMPFILE': ['ENOTSUP'],
  'rename without replacing': ['EINVAL'],
  'exchange of names': ['EINVAL'],
};

/** How each call that would change something ends. */
function refusals(directory: string): Promise<Record<string, string>> {
  return elsewhere(({ fs, libc, errorOf, Buffer: bytes }, at) => {
    const { O_WRONLY, O_RDWR, O_RDONLY, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, W_OK } = fs.constants;
    const [O_TMPFILE, AT_FDCWD, RENAME_NOREPLACE, RENAME_EXCHANGE] = [0o20200000, -100, 1, 2];
    const [S_IFREG, S_IFCHR, S_IFSOCK] = [0o100000, 0o020000, 0o140000];
    const [file, other, link, dir, fresh] = ['file', 'other', 'link', 'dir', 'fresh'].map(
      (name) => `${at}/${name}`,
    );
    const value = bytes.from('v');
    const open = (path: string, flags: number) => () => fs.openSync(path, flags, 0o644);
    const opened = () => fs.openSync(file!, O_RDONLY);
    const calls: Record<string, () => unknown> = {
      open: open(file!, O_WRONLY),
      'open for both': open(file!, O_RDWR),
      'open and write': () => fs.writeFileSync(file!, 'x', { flag: 'r+' }),
      'open and append': () => fs.writeSync(fs.openSync(file!, O_WRONLY | O_APPEND), 'x'),
      'open through a link and write': () => fs.writeFileSync(link!, 'x', { flag: 'r+' }),
      'open O_TRUNC': open(file!, O_WRONLY | O_TRUNC),
      'open to read, O_TRUNC': open(file!, O_RDONLY | O_TRUNC),
      'open O_CREAT': open(fresh!, O_WRONLY | O_CREAT),
      'open O_CREAT to read': open(fresh!, O_RDONLY | O_CREAT),
      'open O_CREAT O_EXCL': open(fresh!, O_RDWR | O_CREAT | O_EXCL),
      'open O_CREAT in a directory': open(`${dir}/fresh`, O_RDWR | O_CREAT),
      'open O_TMPFILE': open(dir!, O_RDWR | O_TMPFILE),
      truncate: () => fs.truncateSync(file!, 3),
      'truncate to the same size': () => fs.truncateSync(file!, 7),
      mkdir: () => fs.mkdirSync(fresh!),
      rmdir: () => fs.rmdirSync(`${at}/empty`),
      'mknod of a file': () => libc.mknod(fresh!, S_IFREG | 0o644, 0),
      'mknod of a device': () => libc.mknod(fresh!, S_IFCHR | 0o644, 0x0103),
      'mknod of a socket': () => libc.mknod(fresh!, S_IFSOCK | 0o644, 0),
      mkfifo: () => libc.mkfifo(fresh!, 0o644),
      symlink: () => fs.symlinkSync('target', fresh!),
      link: () => fs.linkSync(file!, fresh!),
      'link of a link': () => fs.linkSync(link!, fresh!),
      unlink: () => fs.unlinkSync(file!),
      'unlink of a link': () => fs.unlinkSync(link!),
      'unlink in a directory': () => fs.unlinkSync(`${dir}/below`),
      rename: () => fs.renameSync(file!, fresh!),
      'rename over': () => fs.renameSync(file!, other!),
      'rename of a directory': () => fs.renameSync(dir!, fresh!),
      'rename to another directory': () => fs.renameSync(file!, `${dir}/file`),
      'rename without replacing': () => libc.renameat2(AT_FDCWD, file!, AT_FDCWD, fresh!, RENAME_NOREPLACE),
      'exchange of names': () => libc.renameat2(AT_FDCWD, file!, AT_FDCWD, other!, RENAME_EXCHANGE),
      chmod: () => fs.chmodSync(file!, 0o600),
      'chmod to the same mode': () => fs.chmodSync(file!, 0o666),
      'chmod of a directory': () => fs.chmodSync(dir!, 0o700),
      fchmod: () => fs.fchmodSync(opened(), 0o600),
      chown: () => fs.chownSync(file!, 1, 1),
      fchown: () => fs.fchownSync(opened(), 1, 1),
      'lchown of a link': () => fs.lchownSync(link!, 1, 1),
      utimes: () => fs.utimesSync(file!, 1, 1),
      futimes: () => fs.futimesSync(opened(), 1, 1),
      'utimes of a link': () => fs.lutimesSync(link!, 1, 1),
      setxattr: () => libc.setxattr(file!, 'user.new', value, 1, 0),
      'setxattr over': () => libc.setxattr(file!, 'user.x', value, 1, 0),
      'setxattr of a directory': () => libc.setxattr(dir!, 'user.x', value, 1, 0),
      'setxattr of a link': () => libc.lsetxattr(link!, 'trusted.x', value, 1, 0),
      'setxattr of our own': () => libc.setxattr(file!, 'layerslayer.index', value, 1, 0),
      removexattr: () => libc.removexattr(file!, 'user.x'),
      fallocate: () => libc.fallocate64(fs.openSync(file!, O_WRONLY), 0, 0, 4096),
      'punch a hole': () => libc.fallocate64(fs.openSync(file!, O_WRONLY), 3, 0, 4096),
      'copy_file_range into it': () => {
        const from = fs.openSync('/etc/passwd', O_RDONLY);
        return libc.copy_file_range(from, null, fs.openSync(file!, O_WRONLY), null, 16, 0);
      },
      access: () => fs.accessSync(file!, W_OK),
      'access of a directory': () => fs.accessSync(dir!, W_OK),
    };
    return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, errorOf(call)]));
  }, directory);
}
