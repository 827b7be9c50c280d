import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import type Fuse from 'fuse-native';
import { quoteName } from '../../base/text/quote-name.js';
import { Attributes, type LayerFs } from '../../fs/layer-fs.js';
import type { PathTree } from '../../overlay/resolve-path.js';
import { EILSEQ, ENAMETOOLONG, ENODATA, ERANGE, EROFS } from '../errno.js';
import type { FaultLog } from '../fault-log.js';
import { FileReads } from '../file-reads.js';
import { BLOCK_SIZE, PATH_MAX } from '../kernel-numbers.js';
import { accessErrno, deviceNumber, typeBits } from '../mode.js';
import { inodeAt, pathTreeOf } from './inode-at.js';

const WRITING_FLAGS = constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC; // of open(2)

const MS_A_SECOND = 1000;
const NS_A_MS = 1_000_000;

const NUL = 0;

/**
 * A LayerFs as libfuse asks for it: by path, answered by a callback with a negative errno, or 0 and
 * a value. Nothing is thrown: libfuse's thread would wait forever. An open file's handle is its
 * inode.
 */
export class PathOperations implements Fuse.Operations {
  readonly #tree: PathTree;
  readonly #reads: FileReads;
  readonly #attributes = new Attributes();
  #readCount = 0;

  constructor(
    private readonly fs: LayerFs,
    private readonly faults: FaultLog,
    options: { readDeadlineMs?: number } = {},
  ) {
    this.#tree = pathTreeOf(fs);
    this.#reads = new FileReads(fs, faults, options.readDeadlineMs);
  }

  getattr(path: string, reply: (errno: number, stat?: Fuse.Stat) => void): void {
    this.#answer(path, 'attributes', reply, (inode) => {
      const attributes = this.fs.getattr(inode, this.#attributes);
      const ms = millisecondsSince1970(attributes);
      reply(0, {
        mode: typeBits(attributes.kind) | attributes.mode,
        ino: attributes.inode,
        uid: attributes.uid,
        gid: attributes.gid,
        size: attributes.size,
        nlink: attributes.nlink,
        rdev: deviceNumber(attributes.deviceMajor, attributes.deviceMinor),
        blksize: BLOCK_SIZE,
        blocks: attributes.blocks,
        atime: ms,
        mtime: ms,
        ctime: ms,
      });
    });
  }

  /** Lists all names at once, for libfuse to cache. Names that are not UTF-8 are left out. */
  readdir(path: string, reply: (errno: number, names?: string[], stats?: Fuse.Stat[]) => void): void {
    this.#answer(path, 'names', reply, (inode) => {
      const names: string[] = [];
      const stats: Fuse.Stat[] = [];
      this.fs.readdir(inode, 0, (bytes, ino, kind) => {
        const name = utf8Name(bytes);
        if (name === undefined) return true;
        names.push(name);
        // Only the type and number are used.
        stats.push({ mode: typeBits(kind), ino, atime: 0, mtime: 0, ctime: 0 });
        return true;
      });
      reply(0, names, stats);
    });
  }

  readlink(path: string, reply: (errno: number, target?: string) => void): void {
    this.#answer(path, 'target', reply, (inode) => {
      const bytes = this.fs.readlink(inode);
      const target = utf8Name(bytes);
      if (bytes.length >= PATH_MAX) reply(-ENAMETOOLONG);
      else if (target === undefined) reply(-EILSEQ);
      else reply(0, target);
    });
  }

  access(path: string, mask: number, reply: Fuse.Reply): void {
    this.#answer(path, 'access', reply, (inode) => {
      reply(-accessErrno(mask, this.fs.getattr(inode, this.#attributes)));
    });
  }

  statfs(path: string, reply: (errno: number, statfs?: Fuse.Statfs) => void): void {
    this.#answer(path, 'statfs', reply, () => {
      const { blockSize, blocks, files, nameMax } = this.fs.statfs();
      reply(0, { bsize: blockSize, frsize: blockSize, blocks, files, namemax: nameMax });
    });
  }

  open(path: string, flags: number, reply: (errno: number, handle?: number) => void): void {
    this.#answer(path, 'opening', reply, (inode) => {
      if (flags & WRITING_FLAGS) reply(-EROFS);
      else reply(0, inode);
    });
  }

  read(
    _path: string,
    inode: number,
    into: Uint8Array,
    length: number,
    offset: number,
    reply: Fuse.Reply,
  ): void {
    const answer = (data: Uint8Array) => {
      into.set(data);
      reply(data.length);
    };
    const read = { unique: ++this.#readCount, inode, pid: 0, offset, size: length };
    this.#reads.read(read, answer, (errno) => reply(-errno));
  }

  /** @param into empty: only the size is asked for */
  getxattr(path: string, name: string, into: Uint8Array, reply: Fuse.Reply): void {
    this.#answer(path, 'attribute', reply, (inode) => {
      const value = this.fs.getxattr(inode, Buffer.from(name));
      if (value === undefined) reply(-ENODATA);
      else giveXattr(value, into, reply);
    });
  }

  /** @param into empty: only the size is asked for */
  listxattr(path: string, into: Uint8Array, reply: Fuse.Reply): void {
    this.#answer(path, 'attributes’ names', reply, (inode) =>
      giveXattr(utf8Names(this.fs.listxattr(inode)), into, reply),
    );
  }

  readonly create = refuse;
  readonly write = refuse;
  readonly truncate = refuse;
  readonly mknod = refuse;
  readonly mkdir = refuse;
  readonly unlink = refuse;
  readonly rmdir = refuse;
  readonly symlink = refuse;
  readonly link = refuse;
  readonly rename = refuse;
  readonly chmod = refuse;
  readonly chown = refuse;
  readonly utimens = refuse;
  readonly setxattr = refuse;
  readonly removexattr = refuse;

  /** Ends the reads that wait for the network. */
  abortReads(): void {
    this.#reads.pending.abortAll();
  }

  /** Resolves a path and passes its inode to `go`, or replies with an errno. */
  #answer(path: string, what: string, reply: (errno: number) => void, go: (inode: number) => void): void {
    try {
      const inode = inodeAt(this.#tree, path);
      if (inode < 0) reply(inode);
      else go(inode);
    } catch (error) {
      reply(-this.faults.report(error, () => `${what} of ${quoteName(Buffer.from(path))}`));
    }
  }
}

function refuse(...args: [...unknown[], Fuse.Reply]): void {
  (args.at(-1) as Fuse.Reply)(-EROFS);
}

/** Returns a name as a string of the same bytes; undefined if it is not valid UTF-8. */
function utf8Name(name: Uint8Array): string | undefined {
  return isUtf8(name) ? Buffer.from(name.buffer, name.byteOffset, name.length).toString() : undefined;
}

/** Whole milliseconds, rounded down. Times before 1970 are 1970: fuse-native's have no sign. */
function millisecondsSince1970({ mtimeSeconds, mtimeNanoseconds }: Attributes): number {
  const ms = mtimeSeconds * MS_A_SECOND + Math.floor(mtimeNanoseconds / NS_A_MS);
  return Math.min(Math.max(ms, 0), Number.MAX_SAFE_INTEGER);
}

function giveXattr(value: Uint8Array, into: Uint8Array, reply: Fuse.Reply): void {
  if (into.length > 0 && value.length > into.length) {
    reply(-ERANGE);
  } else {
    if (into.length > 0) into.set(value);
    reply(value.length);
  }
}

/** Filters names that each end in NUL: programs can only ask for those that are UTF-8. */
function utf8Names(names: Uint8Array): Uint8Array {
  if (isUtf8(names)) return names;
  const kept: Uint8Array[] = [];
  for (let start = 0; start < names.length; ) {
    const end = names.indexOf(NUL, start) + 1;
    const name = names.subarray(start, end);
    if (isUtf8(name)) kept.push(name);
    start = end;
  }
  return Buffer.concat(kept);
}
