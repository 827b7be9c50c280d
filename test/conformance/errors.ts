import { expect, test } from 'vitest';
import { dir, file, symlink } from '../support/tar.js';
import { elsewhere } from './elsewhere.js';
import type { Subject } from './scene.js';

const DEPTH = 40; // directories, one in the other

export const errors: Subject = {
  name: 'errors',
  members: () => [
    dir('errors/'),
    file('errors/file', 'content'),
    file('errors/program', '#!/bin/sh\n', { mode: 0o755 }),
    dir('errors/dir/'),
    file('errors/dir/below', ''),
    symlink('errors/link', 'file'),
    symlink('errors/chain', 'link'),
    symlink('errors/up', '../errors/dir'),
    symlink('errors/dangling', 'nothing'),
    symlink('errors/to-itself', 'to-itself'),
    symlink('errors/there', 'back'),
    symlink('errors/back', 'there'),
    ...Array.from({ length: DEPTH }, (_, i) => dir(`errors/${'d/'.repeat(i + 1)}`)),
    file(`errors/${'d/'.repeat(DEPTH)}bottom`, 'bottom'),
  ],
  tests(scene) {
    test('of names that are not there, not what they should be, or too long', async () => {
      const told = await elsewhere(({ fs, errorOf }, at) => {
        const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
        const read = (path: string) => () => fs.readFileSync(`${at}/${path}`);
        const stat = (path: string) => () => fs.statSync(`${at}/${path}`);
        return {
          'stat of a missing name': errorOf(stat('nothing')),
          'stat below a missing name': errorOf(stat('nothing/below')),
          'open of a missing name': errorOf(read('nothing')),
          'stat of an empty path': errorOf(() => fs.statSync('')),
          'open of a dangling link': errorOf(read('dangling')),
          'stat below a file': errorOf(stat('file/below')),
          'stat of a file as a directory': errorOf(stat('file/')),
          'stat of a link to a file as a directory': errorOf(stat('link/')),
          'opendir of a file': errorOf(() => fs.opendirSync(`${at}/file`)),
          'open of a file with O_DIRECTORY': errorOf(() => fs.openSync(`${at}/file`, O_RDONLY | O_DIRECTORY)),
          'read of a directory': errorOf(read('dir')),
          'open of a directory for writing': errorOf(() => fs.openSync(`${at}/dir`, 'r+')),
          'stat of a link to itself': errorOf(stat('to-itself')),
          'stat of a link in a circle': errorOf(stat('there')),
          'open of a link with O_NOFOLLOW': errorOf(() => fs.openSync(`${at}/link`, O_RDONLY | O_NOFOLLOW)),
          'stat of a name of 255 bytes': errorOf(stat('n'.repeat(255))),
          'stat of a name of 256 bytes': errorOf(stat('n'.repeat(256))),
          'stat of a name of 1500 bytes': errorOf(stat('n'.repeat(1500))),
          'stat of a path of 4096 bytes': errorOf(() => fs.statSync(at.padEnd(4096, '/x'))),
          'readlink of a file': errorOf(() => fs.readlinkSync(`${at}/file`)),
          'readlink of a directory': errorOf(() => fs.readlinkSync(`${at}/dir`)),
        };
      }, scene.at('errors'));
      expect(told).toEqual({
        'stat of a missing name': 'ENOENT',
        'stat below a missing name': 'ENOENT',
        'open of a missing name': 'ENOENT',
        'stat of an empty path': 'ENOENT',
        'open of a dangling link': 'ENOENT',
        'stat below a file': 'ENOTDIR',
        'stat of a file as a directory': 'ENOTDIR',
        'stat of a link to a file as a directory': 'ENOTDIR',
        'opendir of a file': 'ENOTDIR',
        'open of a file with O_DIRECTORY': 'ENOTDIR',
        'read of a directory': 'EISDIR',
        'open of a directory for writing': 'EISDIR',
        'stat of a link to itself': 'ELOOP',
        'stat of a link in a circle': 'ELOOP',
        'open of a link with O_NOFOLLOW': 'ELOOP',
        'stat of a name of 255 bytes': 'ENOENT',
        'stat of a name of 256 bytes': 'ENAMETOOLONG',
        'stat of a name of 1500 bytes': 'ENAMETOOLONG',
        'stat of a path of 4096 bytes': 'ENAMETOOLONG',
        'readlink of a file': 'EINVAL',
        'readlink of a directory': 'EINVAL',
      });
    });

    test('of what an open file does not do', async () => {
      const told = await elsewhere(({ fs, libc, errorOf }, at) => {
        const { O_RDONLY } = fs.constants;
        const [SEEK_SET, PROT_READ, PROT_WRITE, MAP_SHARED] = [0, 1, 2, 1];
        const descriptor = fs.openSync(`${at}/file`, O_RDONLY);
        const writable = PROT_READ | PROT_WRITE;
        return {
          'write to what is open to read': errorOf(() => fs.writeSync(descriptor, 'x')),
          'shared mapping to write': errorOf(() => libc.mmap(descriptor, 0, 4096, writable, MAP_SHARED)),
          'ftruncate of what is open to read': errorOf(() => fs.ftruncateSync(descriptor, 0)),
          'seek before the start': errorOf(() => libc.lseek64(descriptor, -1, SEEK_SET)),
          'getdents of a file': errorOf(() => libc.getdents(descriptor, 4096)),
          'getdents in a buffer for no name': errorOf(() => libc.getdents(fs.openSync(at, O_RDONLY), 16)),
          'fsync, which has nothing to do': errorOf(() => fs.fsyncSync(descriptor)),
          'fsync of a directory': errorOf(() => fs.fsyncSync(fs.openSync(at, O_RDONLY))),
        };
      }, scene.at('errors'));
      expect(told).toEqual({
        'write to what is open to read': 'EBADF',
        'shared mapping to write': 'EACCES',
        'ftruncate of what is open to read': 'EINVAL',
        'seek before the start': 'EINVAL',
        'getdents of a file': 'ENOTDIR',
        'getdents in a buffer for no name': 'EINVAL',
        'fsync, which has nothing to do': 'ok',
        'fsync of a directory': 'ok',
      });
    });

    test('are none where links lead, however deep', async () => {
      const told = await elsewhere(
        ({ fs }, at, depth) => [
          fs.readFileSync(`${at}/chain`, 'latin1'),
          fs.readdirSync(`${at}/up`),
          fs.realpathSync.native(`${at}/up/../chain`).slice(at.length),
          fs.readFileSync(`${at}/${'d/'.repeat(depth)}bottom`, 'latin1'),
          fs.readFileSync(`${at}/${'d/../'.repeat(depth)}file`, 'latin1'),
        ],
        scene.at('errors'),
        DEPTH,
      );
      expect(told).toEqual(['content', ['below'], '/file', 'bottom', 'content']);
    });

    test('of locks: shared and exclusive ones are had, as on any disk', async () => {
      const told = await elsewhere(({ fs, libc, errorOf }, at) => {
        const [LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN] = [1, 2, 4, 8];
        const [one, other] = [fs.openSync(`${at}/file`, 'r'), fs.openSync(`${at}/file`, 'r')];
        const lock = (descriptor: number, how: number) =>
          errorOf(() => libc.flock(descriptor, how | LOCK_NB));
        return [
          lock(one, LOCK_SH),
          lock(other, LOCK_SH),
          lock(other, LOCK_EX),
          lock(one, LOCK_UN),
          lock(other, LOCK_EX),
          lock(one, LOCK_SH),
        ];
      }, scene.at('errors'));
      expect(told).toEqual(['ok', 'ok', 'EAGAIN', 'ok', 'ok', 'EAGAIN']);
    });
  },
};
