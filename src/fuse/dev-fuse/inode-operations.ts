import { asLayerslayerError } from '../../base/errors.js';
import { Attributes, isDotOrDotDot, type LayerFs } from '../../fs/layer-fs.js';
import { ROOT_INODE } from '../../overlay/tree.js';
import { EINVAL, ENAMETOOLONG, ENODATA, ENOENT, ENXIO, ERANGE } from '../errno.js';
import { NAME_MAX, PATH_MAX } from '../kernel-numbers.js';
import { accessErrno } from '../mode.js';
import {
  FUSE_ACCESS_IN,
  FUSE_ATTR_OUT,
  FUSE_ENTRY_OUT,
  FUSE_GETXATTR_IN,
  FUSE_GETXATTR_OUT,
  FUSE_LSEEK_IN,
  FUSE_LSEEK_OUT,
  FUSE_READ_IN,
  FUSE_STATFS_OUT,
} from './abi.js';
import { direntEnd, type Reply } from './reply.js';
import type { FuseRequest } from './request.js';

/** Values of lseek(2). The kernel passes on the program's argument. */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/**
 * Operations that are answered from memory. Each sends its reply and returns ANSWERED, or sends
 * nothing and returns an errno. The dispatcher handles errors of the file system.
 */
export class InodeOperations {
  readonly #attributes = new Attributes();

  constructor(
    private readonly fs: LayerFs,
    private readonly reply: Reply,
  ) {}

  lookup(request: FuseRequest, unique: number): number {
    const name = request.name(0);
    if (name.length === 0) return EINVAL;
    if (name.length > NAME_MAX) return ENAMETOOLONG;
    if (isDotOrDotDot(name)) return this.#lookupByHandle(request.inode, name.length === 2, unique);
    const inode = this.fs.lookup(request.inode, name);
    if (inode === 0) this.reply.putNoEntry(0);
    else this.reply.putEntry(0, this.fs.getattr(inode, this.#attributes));
    return this.reply.send(unique, FUSE_ENTRY_OUT.SIZE);
  }

  /**
   * Looks up `.` or `..` by inode number (EXPORT_SUPPORT). NFS servers, overlayfs and
   * open_by_handle_at(2) may have a number from before the kernel's cache was emptied. ENOENT
   * becomes their ESTALE.
   */
  #lookupByHandle(inode: number, wantParent: boolean, unique: number): number {
    try {
      const wanted = wantParent ? this.#parentOf(inode) : inode;
      this.reply.putEntry(0, this.fs.getattr(wanted, this.#attributes));
    } catch (error) {
      if (asLayerslayerError(error).code !== 'INVALID_ARGUMENT') throw error;
      return ENOENT;
    }
    return this.reply.send(unique, FUSE_ENTRY_OUT.SIZE);
  }

  #parentOf(directory: number): number {
    let parent = ROOT_INODE;
    this.fs.readdir(directory, 0, (name, inode) => {
      parent = inode;
      return name.length < 2; // `.` comes first, then `..`
    });
    return parent;
  }

  getattr(request: FuseRequest, unique: number): number {
    this.reply.putAttrOut(this.fs.getattr(request.inode, this.#attributes));
    return this.reply.send(unique, FUSE_ATTR_OUT.SIZE);
  }

  access(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_ACCESS_IN.SIZE)) return EINVAL;
    const mask = request.argumentU32(FUSE_ACCESS_IN.mask);
    const errno = accessErrno(mask, this.fs.getattr(request.inode, this.#attributes));
    return errno === 0 ? this.reply.send(unique, 0) : errno;
  }

  /** Answers SEEK_DATA and SEEK_HOLE. The kernel does the others itself. */
  lseek(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_LSEEK_IN.SIZE)) return EINVAL;
    const whence = request.argumentU32(FUSE_LSEEK_IN.whence);
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return EINVAL;
    const offset = request.argumentU64(FUSE_LSEEK_IN.offset);
    if (!Number.isSafeInteger(offset)) return ENXIO; // negative, or beyond any file
    const found = this.fs.seek(request.inode, offset, whence === SEEK_DATA ? 'data' : 'hole');
    if (found === undefined) return ENXIO;
    this.reply.putU64(FUSE_LSEEK_OUT.offset, found);
    return this.reply.send(unique, FUSE_LSEEK_OUT.SIZE);
  }

  /**
   * Sends the names of a directory that fit the program's buffer: READDIR (names and types) or
   * READDIRPLUS (with attributes, so that a tree scan needs no further request).
   */
  readdir(request: FuseRequest, unique: number, plus: boolean): number {
    if (!request.hasArgument(FUSE_READ_IN.SIZE)) return EINVAL;
    const offset = request.argumentU64(FUSE_READ_IN.offset);
    const size = request.argumentU32(FUSE_READ_IN.size);
    if (!Number.isSafeInteger(offset)) return EINVAL;
    const limit = Math.min(size, this.reply.capacity);
    let length = 0;
    this.fs.readdir(request.inode, offset, (name, inode, kind, next) => {
      const dirent = plus ? length + FUSE_ENTRY_OUT.SIZE : length;
      const end = direntEnd(dirent, name);
      if (end > limit) return false;
      // The name first: the getattr below may invalidate its view.
      this.reply.putDirent(dirent, name, inode, kind, next);
      if (plus) {
        // Node 0: no lookup, as the kernel expects for `.` and `..` (and libfuse sends).
        if (isDotOrDotDot(name)) this.reply.putNoEntry(length);
        else this.reply.putEntry(length, this.fs.getattr(inode, this.#attributes));
      }
      length = end;
      return true;
    });
    return this.reply.send(unique, length);
  }

  readlink(request: FuseRequest, unique: number): number {
    const target = this.fs.readlink(request.inode);
    return target.length < PATH_MAX ? this.reply.sendData(unique, target) : ENAMETOOLONG;
  }

  getxattr(request: FuseRequest, unique: number): number {
    const name = request.name(FUSE_GETXATTR_IN.SIZE);
    if (name.length === 0) return EINVAL;
    const value = this.fs.getxattr(request.inode, name);
    if (value === undefined) return ENODATA;
    return this.#sendXattr(unique, value, request.argumentU32(FUSE_GETXATTR_IN.size));
  }

  listxattr(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_GETXATTR_IN.SIZE)) return EINVAL;
    const names = this.fs.listxattr(request.inode);
    return this.#sendXattr(unique, names, request.argumentU32(FUSE_GETXATTR_IN.size));
  }

  /** Sends a value. Size 0 asks for the size of the buffer. */
  #sendXattr(unique: number, value: Uint8Array, size: number): number {
    if (size === 0) {
      this.reply.putXattrSize(value.length);
      return this.reply.send(unique, FUSE_GETXATTR_OUT.SIZE);
    }
    return value.length <= size ? this.reply.sendData(unique, value) : ERANGE;
  }

  statfs(unique: number): number {
    this.reply.putStatfs(this.fs.statfs());
    return this.reply.send(unique, FUSE_STATFS_OUT.SIZE);
  }
}
