import { asLayerslayerError } from '../../base/errors.js';
import { type Attributes, type LayerFs, newAttributes } from '../../fs/layer-fs.js';
import { ROOT_INODE } from '../../overlay/tree.js';
import { accessErrno } from '../access.js';
import { EINVAL, ENAMETOOLONG, ENODATA, ENOENT, ENXIO, ERANGE } from '../errno.js';
import { NAME_MAX, PATH_MAX } from '../kernel-numbers.js';
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
import { DirectoryReply, isDotOrDotDot } from './directory-reply.js';
import type { Reply } from './reply.js';
import type { FuseRequest } from './request.js';

/** Values of lseek(2). The kernel passes on the program's argument. */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/**
 * Operations that are answered from memory. Each sends its reply and returns ANSWERED, or sends
 * nothing and returns an errno. The dispatcher handles errors of the file system.
 */
export class InodeOperations {
  readonly #fs: LayerFs;
  readonly #reply: Reply;
  readonly #directory: DirectoryReply;
  readonly #attributes: Attributes = newAttributes();

  constructor(fs: LayerFs, reply: Reply) {
    this.#fs = fs;
    this.#reply = reply;
    this.#directory = new DirectoryReply(fs, reply, this.#attributes);
  }

  lookup(request: FuseRequest, unique: number): number {
    const name = request.name(0);
    if (name.length === 0) return EINVAL;
    if (name.length > NAME_MAX) return ENAMETOOLONG;
    if (isDotOrDotDot(name)) return this.#lookupByHandle(request.inode, name.length === 2, unique);
    const inode = this.#fs.lookup(request.inode, name);
    if (inode === 0) this.#reply.putNoEntry(0);
    else this.#reply.putEntry(0, this.#fs.getattr(inode, this.#attributes));
    return this.#reply.send(unique, FUSE_ENTRY_OUT.SIZE);
  }

  /**
   * Looks up `.` or `..` by inode number (EXPORT_SUPPORT). NFS servers, overlayfs and
   * open_by_handle_at(2) may have a number from before the kernel's cache was emptied. ENOENT
   * becomes their ESTALE.
   */
  #lookupByHandle(inode: number, wantParent: boolean, unique: number): number {
    try {
      const wanted = wantParent ? this.#parentOf(inode) : inode;
      this.#reply.putEntry(0, this.#fs.getattr(wanted, this.#attributes));
    } catch (error) {
      if (asLayerslayerError(error).code !== 'INVALID_ARGUMENT') throw error;
      return ENOENT;
    }
    return this.#reply.send(unique, FUSE_ENTRY_OUT.SIZE);
  }

  #parentOf(directory: number): number {
    let parent = ROOT_INODE;
    this.#fs.readdir(directory, 0, (name, inode) => {
      parent = inode;
      return name.length < 2; // `.` comes first, then `..`
    });
    return parent;
  }

  getattr(request: FuseRequest, unique: number): number {
    this.#reply.putAttrOut(this.#fs.getattr(request.inode, this.#attributes));
    return this.#reply.send(unique, FUSE_ATTR_OUT.SIZE);
  }

  access(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_ACCESS_IN.SIZE)) return EINVAL;
    const mask = request.argumentU32(FUSE_ACCESS_IN.mask);
    const errno = accessErrno(mask, this.#fs.getattr(request.inode, this.#attributes));
    return errno === 0 ? this.#reply.send(unique, 0) : errno;
  }

  /** Answers SEEK_DATA and SEEK_HOLE. The kernel does the others itself. */
  lseek(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_LSEEK_IN.SIZE)) return EINVAL;
    const whence = request.argumentU32(FUSE_LSEEK_IN.whence);
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return EINVAL;
    const offset = request.argumentU64(FUSE_LSEEK_IN.offset);
    if (!Number.isSafeInteger(offset)) return ENXIO; // negative, or beyond any file
    const found = this.#fs.seek(request.inode, offset, whence === SEEK_DATA ? 'data' : 'hole');
    if (found === undefined) return ENXIO;
    this.#reply.putU64(FUSE_LSEEK_OUT.offset, found);
    return this.#reply.send(unique, FUSE_LSEEK_OUT.SIZE);
  }

  readdir(request: FuseRequest, unique: number, plus: boolean): number {
    if (!request.hasArgument(FUSE_READ_IN.SIZE)) return EINVAL;
    const offset = request.argumentU64(FUSE_READ_IN.offset);
    const size = request.argumentU32(FUSE_READ_IN.size);
    if (!Number.isSafeInteger(offset)) return EINVAL;
    return this.#reply.send(unique, this.#directory.fill(request.inode, offset, size, plus));
  }

  readlink(request: FuseRequest, unique: number): number {
    const target = this.#fs.readlink(request.inode);
    return target.length < PATH_MAX ? this.#reply.sendData(unique, target) : ENAMETOOLONG;
  }

  getxattr(request: FuseRequest, unique: number): number {
    const name = request.name(FUSE_GETXATTR_IN.SIZE);
    if (name.length === 0) return EINVAL;
    const value = this.#fs.getxattr(request.inode, name);
    if (value === undefined) return ENODATA;
    return this.#sendXattr(unique, value, request.argumentU32(FUSE_GETXATTR_IN.size));
  }

  listxattr(request: FuseRequest, unique: number): number {
    if (!request.hasArgument(FUSE_GETXATTR_IN.SIZE)) return EINVAL;
    const names = this.#fs.listxattr(request.inode);
    return this.#sendXattr(unique, names, request.argumentU32(FUSE_GETXATTR_IN.size));
  }

  /** Sends a value. Size 0 asks for the size of the buffer. */
  #sendXattr(unique: number, value: Uint8Array, size: number): number {
    if (size === 0) {
      this.#reply.putXattrSize(value.length);
      return this.#reply.send(unique, FUSE_GETXATTR_OUT.SIZE);
    }
    return value.length <= size ? this.#reply.sendData(unique, value) : ERANGE;
  }

  statfs(unique: number): number {
    this.#reply.putStatfs(this.#fs.statfs());
    return this.#reply.send(unique, FUSE_STATFS_OUT.SIZE);
  }
}
