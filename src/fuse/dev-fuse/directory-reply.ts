import type { Attributes, LayerFs } from '../../fs/layer-fs.js';
import type { InodeKind } from '../../overlay/tree.js';
import { direntType } from '../mode.js';
import { FUSE_DIRENT, FUSE_ENTRY_OUT, recordAlign } from './abi.js';
import type { Reply } from './reply.js';

const DOT = 0x2e;

/**
 * Packs a directory's names into a reply: READDIR (names and types) or READDIRPLUS (with
 * attributes, so that a tree walk needs no further request). One object for each mount. The visitor
 * is bound once, so that a listing allocates nothing.
 */
export class DirectoryReply {
  readonly #fs: LayerFs;
  readonly #reply: Reply;
  readonly #attributes: Attributes;
  #limit = 0; // bytes that fit
  #length = 0; // bytes packed
  #plus = false;

  constructor(fs: LayerFs, reply: Reply, attributes: Attributes) {
    this.#fs = fs;
    this.#reply = reply;
    this.#attributes = attributes;
  }

  /**
   * Fills the reply's body with whole records that fit `size` bytes, starting at the cursor
   * `offset`.
   * @returns bytes filled; 0 at the end
   */
  fill(directory: number, offset: number, size: number, plus: boolean): number {
    this.#limit = Math.min(size, this.#reply.capacity);
    this.#length = 0;
    this.#plus = plus;
    this.#fs.readdir(directory, offset, this.#visit);
    return this.#length;
  }

  readonly #visit = (name: Uint8Array, inode: number, kind: InodeKind, next: number): boolean => {
    const reply = this.#reply;
    const start = this.#length;
    const dirent = this.#plus ? start + FUSE_ENTRY_OUT.SIZE : start;
    const nameStart = dirent + FUSE_DIRENT.name;
    const end = recordAlign(nameStart + name.length);
    if (end > this.#limit) return false;
    // The name first: the getattr below may invalidate its view.
    reply.body.set(name, nameStart);
    reply.body.fill(0, nameStart + name.length, end);
    reply.putU64(dirent + FUSE_DIRENT.ino, inode);
    reply.putU64(dirent + FUSE_DIRENT.off, next);
    reply.putU32(dirent + FUSE_DIRENT.namelen, name.length);
    reply.putU32(dirent + FUSE_DIRENT.type, direntType(kind));
    if (this.#plus) {
      // Node 0: no lookup, as the kernel expects for `.` and `..` (and libfuse sends).
      if (isDotOrDotDot(name)) reply.putNoEntry(start);
      else reply.putEntry(start, this.#fs.getattr(inode, this.#attributes));
    }
    this.#length = end;
    return true;
  };
}

/** Returns whether the name is `.` or `..`. */
export function isDotOrDotDot(name: Uint8Array): boolean {
  return name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
}
