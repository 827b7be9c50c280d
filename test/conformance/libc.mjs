// System calls without a function of Node's, by koffi. Each throws an error with the errno's name
// as its `code`.
import { constants } from 'node:os';
import koffi from 'koffi';

const PROTOTYPES = [
  'int64_t lseek64(int fd, int64_t offset, int whence)',
  'intptr_t read(int fd, void *buffer, size_t size)',
  'intptr_t sendfile64(int to, int from, void *offset, size_t size)',
  'intptr_t splice(int from, void *fromOffset, int to, void *toOffset, size_t size, uint32_t flags)',
  'intptr_t copy_file_range(int from, void *fromOffset, int to, void *toOffset, size_t size, uint32_t flags)',
  'int pipe2(void *descriptors, int flags)',
  'int fallocate64(int fd, int mode, int64_t offset, int64_t size)',
  'int flock(int fd, int operation)',
  'intptr_t getxattr(const void *path, const void *name, void *value, size_t size)',
  'intptr_t lgetxattr(const void *path, const void *name, void *value, size_t size)',
  'intptr_t listxattr(const void *path, void *names, size_t size)',
  'int setxattr(const void *path, const void *name, const void *value, size_t size, int flags)',
  'int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)',
  'int removexattr(const void *path, const void *name)',
  'int mknod(const void *path, uint32_t mode, uint64_t device)',
  'int mkfifo(const void *path, uint32_t mode)',
  'int renameat2(int from, const void *path, int to, const void *newPath, uint32_t flags)',
];

const library = koffi.load(null);
/** Of two names for one number the first: EAGAIN, ENOTSUP, as Node says them. */
const NAMES = new Map(
  Object.entries(constants.errno)
    .reverse()
    .map(([name, number]) => [number, name]),
);

function failure(what, number) {
  const code = NAMES.get(number) ?? `errno ${number}`;
  return Object.assign(new Error(`${what}: ${code}`), { code });
}

/** Text becomes UTF-8 with a NUL; bytes go as they are, names among them must bring their own. */
const argument = (value) => (typeof value === 'string' ? Buffer.from(`${value}\0`) : value);

export const libc = Object.fromEntries(
  PROTOTYPES.map((prototype) => {
    const name = /(\w+)\(/.exec(prototype)[1];
    const call = library.func(prototype);
    const checked = (...args) => {
      const result = Number(call(...args.map(argument)));
      if (result === -1) throw failure(name, koffi.errno());
      return result;
    };
    return [name, checked];
  }),
);

// posix_fadvise returns its error.
const fadvise = library.func('int posix_fadvise64(int fd, int64_t offset, int64_t size, int advice)');
const DONTNEED = 4;

/** Drops a file's cached pages, so that the next read asks the file system. */
libc.forget = (descriptor) => {
  const error = fadvise(descriptor, 0, 0, DONTNEED);
  if (error !== 0) throw failure('posix_fadvise', error);
};

const getdents = library.func('intptr_t getdents64(int fd, void *buffer, size_t size)');
/** Where the fields of struct linux_dirent64 (dirent64 of glibc too) stand. */
const DIRENT = { inode: 0, offset: 8, length: 16, type: 18, name: 19 };

const nameOf = (bytes, at) => bytes.toString('hex', at + DIRENT.name, bytes.indexOf(0, at + DIRENT.name));

/** @returns what one getdents64(2) gives, names in hex; nothing at the end */
libc.getdents = (descriptor, size) => {
  const buffer = Buffer.alloc(size);
  const length = Number(getdents(descriptor, buffer, size));
  if (length === -1) throw failure('getdents64', koffi.errno());
  const entries = [];
  for (let at = 0; at < length; at += buffer.readUInt16LE(at + DIRENT.length)) {
    entries.push({
      name: nameOf(buffer, at),
      inode: String(buffer.readBigUInt64LE(at + DIRENT.inode)),
      type: buffer[at + DIRENT.type],
      next: Number(buffer.readBigInt64LE(at + DIRENT.offset)),
    });
  }
  return entries;
};

const mmap = library.func(
  'void *mmap64(void *address, size_t size, int protection, int flags, int fd, int64_t offset)',
);
const MAP_FAILED = 2n ** 64n - 1n;

/** @returns the mapping's bytes; it stays until the process ends */
libc.mmap = (descriptor, offset, size, protection, flags) => {
  const address = mmap(null, size, protection, flags, descriptor, offset);
  if (address === MAP_FAILED) throw failure('mmap', koffi.errno());
  return Buffer.from(koffi.view(address, size));
};

const nameToHandle = library.func(
  'int name_to_handle_at(int directory, const void *path, void *handle, void *mount, int flags)',
);
const openHandle = library.func('int open_by_handle_at(int mount, void *handle, int flags)');
const AT_FDCWD = -100;
/** struct file_handle: size (4), type (4), then MAX_HANDLE_SZ bytes. */
const HANDLE_CAPACITY = 128;

/** @returns the whole struct file_handle */
libc.handleOf = (path) => {
  const handle = Buffer.alloc(8 + HANDLE_CAPACITY);
  handle.writeUInt32LE(HANDLE_CAPACITY);
  if (nameToHandle(AT_FDCWD, argument(path), handle, Buffer.alloc(4), 0) === -1)
    throw failure('name_to_handle_at', koffi.errno());
  return handle;
};

libc.openByHandle = (mount, handle) => {
  const descriptor = openHandle(mount, handle, 0);
  if (descriptor === -1) throw failure('open_by_handle_at', koffi.errno());
  return descriptor;
};

const opendir = library.func('void *opendir(const void *path)');
const readdir = library.func('void *readdir64(void *stream)');
const telldir = library.func('intptr_t telldir(void *stream)');
const seekdir = library.func('void seekdir(void *stream, intptr_t place)');

/** A stream of opendir(3). */
libc.opendir = (path) => {
  const stream = opendir(argument(path));
  if (!stream) throw failure('opendir', koffi.errno());
  return {
    tell: () => Number(telldir(stream)),
    seek: (place) => seekdir(stream, place),
    /** @returns the next name in hex, undefined at the end */
    next: () => {
      const entry = readdir(stream);
      if (!entry) return undefined;
      const length = Buffer.from(koffi.view(entry, DIRENT.name)).readUInt16LE(DIRENT.length);
      return nameOf(Buffer.from(koffi.view(entry, length)), 0);
    },
  };
};
