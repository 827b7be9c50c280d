import type { Attributes, Statfs } from '../../fs/layer-fs.js';
import type { InodeKind } from '../../overlay/tree.js';
import { BLOCK_SIZE, CACHE_SECONDS } from '../kernel-numbers.js';
import { deviceNumber, direntType, typeBits } from '../mode.js';
import {
  FUSE_ATTR,
  FUSE_ATTR_OUT,
  FUSE_DIRENT,
  FUSE_ENTRY_OUT,
  FUSE_GETXATTR_OUT,
  FUSE_OPEN_OUT,
  FUSE_OUT_HEADER,
  FUSE_STATFS_OUT,
} from './abi.js';
import { LITTLE_ENDIAN, putU64 } from './wire.js';

/** The target of replies: the device, or a test. Both buffers may be reused after the call. */
export interface ReplySink {
  send(head: Uint8Array, headLength: number, data?: Uint8Array): void;
}

/** Result of an operation whose reply is sent or that has none. Others are an errno. */
export const ANSWERED = 0;

/** Capacity of a reply's body. The kernel asks for listings of 4 KiB to 1 MiB, and accepts less. */
const BODY_CAPACITY = 128 * 1024; // bytes

/**
 * Encodes replies into one reused buffer. `body` and `view` start after the out-header, so that
 * offsets are those of the structs. Each field is written, because the buffer still has the
 * previous reply.
 */
export class Reply {
  readonly capacity = BODY_CAPACITY;
  readonly body: Uint8Array;
  readonly view: DataView;
  readonly #bytes: Uint8Array;
  readonly #header: DataView;

  constructor(private readonly sink: ReplySink) {
    const buffer = new ArrayBuffer(FUSE_OUT_HEADER.SIZE + BODY_CAPACITY);
    this.#bytes = new Uint8Array(buffer);
    this.#header = new DataView(buffer, 0, FUSE_OUT_HEADER.SIZE);
    this.body = new Uint8Array(buffer, FUSE_OUT_HEADER.SIZE);
    this.view = new DataView(buffer, FUSE_OUT_HEADER.SIZE);
  }

  /** Sends the first `length` bytes of `body`. */
  send(unique: number, length: number): typeof ANSWERED {
    this.#putHeader(unique, 0, length);
    this.sink.send(this.#bytes, FUSE_OUT_HEADER.SIZE + length);
    return ANSWERED;
  }

  /** Sends bytes of another buffer, without copying them. */
  sendData(unique: number, data: Uint8Array): typeof ANSWERED {
    this.#putHeader(unique, 0, data.length);
    this.sink.send(this.#bytes, FUSE_OUT_HEADER.SIZE, data);
    return ANSWERED;
  }

  /** @param errno positive */
  sendError(unique: number, errno: number): void {
    this.#putHeader(unique, errno, 0);
    this.sink.send(this.#bytes, FUSE_OUT_HEADER.SIZE);
  }

  #putHeader(unique: number, errno: number, bodyLength: number): void {
    this.#header.setUint32(FUSE_OUT_HEADER.len, FUSE_OUT_HEADER.SIZE + bodyLength, LITTLE_ENDIAN);
    this.#header.setInt32(FUSE_OUT_HEADER.error, -errno, LITTLE_ENDIAN);
    putU64(this.#header, FUSE_OUT_HEADER.unique, unique);
  }

  putU32(offset: number, value: number): void {
    this.view.setUint32(offset, value, LITTLE_ENDIAN);
  }

  putU64(offset: number, value: number): void {
    putU64(this.view, offset, value);
  }

  /** Writes fuse_entry_out. The generation is always 0: inode numbers are never reused. */
  putEntry(base: number, attributes: Attributes): void {
    this.putU64(base + FUSE_ENTRY_OUT.nodeid, attributes.inode);
    this.#putValidity(base);
    this.#putAttr(base + FUSE_ENTRY_OUT.attr, attributes);
  }

  /** Writes fuse_entry_out of a missing name: node 0, cached as a negative dentry. */
  putNoEntry(base: number): void {
    this.body.fill(0, base, base + FUSE_ENTRY_OUT.SIZE);
    this.#putValidity(base);
  }

  #putValidity(base: number): void {
    this.putU64(base + FUSE_ENTRY_OUT.generation, 0);
    this.putU64(base + FUSE_ENTRY_OUT.entry_valid, CACHE_SECONDS);
    this.putU64(base + FUSE_ENTRY_OUT.attr_valid, CACHE_SECONDS);
    this.putU32(base + FUSE_ENTRY_OUT.entry_valid_nsec, 0);
    this.putU32(base + FUSE_ENTRY_OUT.attr_valid_nsec, 0);
  }

  /** Writes fuse_attr_out at the start of the body. */
  putAttrOut(attributes: Attributes): void {
    this.body.fill(0, 0, FUSE_ATTR_OUT.attr);
    this.putU64(FUSE_ATTR_OUT.attr_valid, CACHE_SECONDS);
    this.#putAttr(FUSE_ATTR_OUT.attr, attributes);
  }

  #putAttr(base: number, attributes: Attributes): void {
    const { mtimeSeconds, mtimeNanoseconds } = attributes;
    this.putU64(base + FUSE_ATTR.ino, attributes.inode);
    this.putU64(base + FUSE_ATTR.size, attributes.size);
    this.putU64(base + FUSE_ATTR.blocks, attributes.blocks);
    this.putU64(base + FUSE_ATTR.atime, mtimeSeconds);
    this.putU64(base + FUSE_ATTR.mtime, mtimeSeconds);
    this.putU64(base + FUSE_ATTR.ctime, mtimeSeconds);
    this.putU32(base + FUSE_ATTR.atimensec, mtimeNanoseconds);
    this.putU32(base + FUSE_ATTR.mtimensec, mtimeNanoseconds);
    this.putU32(base + FUSE_ATTR.ctimensec, mtimeNanoseconds);
    this.putU32(base + FUSE_ATTR.mode, typeBits(attributes.kind) | (attributes.mode & 0o7777));
    this.putU32(base + FUSE_ATTR.nlink, attributes.nlink);
    this.putU32(base + FUSE_ATTR.uid, attributes.uid);
    this.putU32(base + FUSE_ATTR.gid, attributes.gid);
    this.putU32(base + FUSE_ATTR.rdev, deviceNumber(attributes.deviceMajor, attributes.deviceMinor));
    this.putU32(base + FUSE_ATTR.blksize, BLOCK_SIZE);
    this.putU32(base + FUSE_ATTR.flags, 0);
  }

  /** Writes fuse_dirent at `base`, the name, and zeros up to `direntEnd`. */
  putDirent(base: number, name: Uint8Array, inode: number, kind: InodeKind, next: number): void {
    const nameStart = base + FUSE_DIRENT.name;
    this.body.set(name, nameStart);
    this.body.fill(0, nameStart + name.length, direntEnd(base, name));
    this.putU64(base + FUSE_DIRENT.ino, inode);
    this.putU64(base + FUSE_DIRENT.off, next);
    this.putU32(base + FUSE_DIRENT.namelen, name.length);
    this.putU32(base + FUSE_DIRENT.type, direntType(kind));
  }

  putOpen(openFlags: number): void {
    this.body.fill(0, 0, FUSE_OPEN_OUT.SIZE);
    this.putU32(FUSE_OPEN_OUT.open_flags, openFlags);
  }

  putXattrSize(size: number): void {
    this.body.fill(0, 0, FUSE_GETXATTR_OUT.SIZE);
    this.putU32(FUSE_GETXATTR_OUT.size, size);
  }

  /** Writes the numbers of a full, read-only file system. */
  putStatfs(statfs: Statfs): void {
    this.body.fill(0, 0, FUSE_STATFS_OUT.SIZE);
    this.putU64(FUSE_STATFS_OUT.blocks, statfs.blocks);
    this.putU64(FUSE_STATFS_OUT.files, statfs.files);
    this.putU32(FUSE_STATFS_OUT.bsize, statfs.blockSize);
    this.putU32(FUSE_STATFS_OUT.frsize, statfs.blockSize);
    this.putU32(FUSE_STATFS_OUT.namelen, statfs.nameMax);
  }
}

/** Returns the end of a record at `base`, a multiple of 8 bytes (FUSE_REC_ALIGN). */
export function direntEnd(base: number, name: Uint8Array): number {
  return (base + FUSE_DIRENT.name + name.length + 7) & ~7;
}
