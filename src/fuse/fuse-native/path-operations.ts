import { constants } from 'node:fs';
import type Fuse from 'fuse-native';
import { LayerslayerError } from '../../base/errors.js';
import { quoteName } from '../../base/quote-name.js';
import { type Attributes, type LayerFs, newAttributes } from '../../fs/layer-fs.js';
import type { PathTree } from '../../overlay/resolve-path.js';
import { accessErrno } from '../access.js';
import { EILSEQ, ENAMETOOLONG, ENODATA, ERANGE, EROFS } from '../errno.js';
import type { FaultLog } from '../fault-log.js';
import { BLOCK_SIZE, PATH_MAX } from '../kernel-numbers.js';
import { deviceNumber, typeBits } from '../mode.js';
import { PendingReads } from '../pending-reads.js';
import { inodeAt, pathTreeOf } from './inode-at.js';
import { utf8Name } from './utf8-name.js';

const WRITING_FLAGS = constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC; // of open(2)

const MS_A_SECOND = 1000;
const NS_A_MS = 1_000_000;

const NUL = 0;

/** Refuses an operation that would change the file system; its reply comes last, whatever its arguments. */
type Refusal = (...args: [...unknown[], Fuse.Reply]) => void;

/**
 * A LayerFs as libfuse asks for it: by path, answered through a callback by a negative errno, or 0 and a value. Nothing is
 * thrown, whatever comes: libfuse's thread would wait for ever. An open file's handle is its inode.
 */
export class PathOperations implements Fuse.Operations {
  readonly #fs: LayerFs;
  readonly #tree: PathTree;
  readonly #faults: FaultLog;
  readonly #pending: PendingReads;
  readonly #attributes: Attributes = newAttributes();
  #reads = 0; // so far: each one's number among the pending ones

  constructor(fs: LayerFs, faults: FaultLog, options: { readDeadlineMs: number }) {
    this.#fs = fs;
    this.#tree = pathTreeOf(fs);
    this.#faults = faults;
    this.#pending = new PendingReads(options.readDeadlineMs);
  }

  getattr(path: string, reply: (errno: number, stat?: Fuse.Stat) => void): void {
    this.#answer(path, 'attributes', reply, (inode) => {
      const attributes = this.#fs.getattr(inode, this.#attributes);
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

  /** All names at once: libfuse keeps them for as long as the directory is open. Those that are not UTF-8 are left out. */
  readdir(path: string, reply: (errno: number, names?: string[], stats?: Fuse.Stat[]) => void): void {
    this.#answer(path, 'names', reply, (inode) => {
      const names: string[] = [];
      const stats: Fuse.Stat[] = [];
      this.#fs.readdir(inode, 0, (bytes, ino, kind) => {
        const name = utf8Name(bytes);
        if (name === undefined) return true;
        names.push(name);
        stats.push({ mode: typeBits(kind), ino, atime: 0, mtime: 0, ctime: 0 }); // the type and number are all that is used
        return true;
      });
      reply(0, names, stats);
    });
  }

  readlink(path: string, reply: (errno: number, target?: string) => void): void {
    this.#answer(path, 'target', reply, (inode) => {
      const bytes = this.#fs.readlink(inode);
      const target = utf8Name(bytes);
      if (bytes.length >= PATH_MAX) reply(-ENAMETOOLONG);
      else if (target === undefined) reply(-EILSEQ);
      else reply(0, target);
    });
  }

  access(path: string, mask: number, reply: Fuse.Reply): void {
    this.#answer(path, 'access', reply, (inode) => {
      reply(-accessErrno(mask, this.#fs.getattr(inode, this.#attributes)));
    });
  }

  statfs(path: string, reply: (errno: number, statfs?: Fuse.Statfs) => void): void {
    this.#answer(path, 'statfs', reply, () => {
      const { blockSize, blocks, files, nameMax } = this.#fs.statfs();
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
    const fail = (error: unknown) =>
      reply(-this.#faults.report(error, `reading inode ${inode} at ${offset}`));
    const answer = (data: Uint8Array) => {
      if (data.length > length) {
        fail(new LayerslayerError('INTERNAL', `got ${data.length} bytes, want at most ${length}`));
        return;
      }
      into.set(data);
      reply(data.length);
    };
    try {
      const controller = new AbortController();
      const data = this.#fs.read(inode, offset, length, controller.signal);
      if (data instanceof Uint8Array) answer(data);
      else this.#pending.add(++this.#reads, { inode, pid: 0 }, data, controller, answer, fail);
    } catch (error) {
      fail(error);
    }
  }

  /** @param into empty: only the size is asked for */
  getxattr(path: string, name: string, into: Uint8Array, reply: Fuse.Reply): void {
    this.#answer(path, 'attribute', reply, (inode) => {
      const value = this.#fs.getxattr(inode, Buffer.from(name));
      if (value === undefined) reply(-ENODATA);
      else giveXattr(value, into, reply);
    });
  }

  /** @param into empty: only the size is asked for */
  listxattr(path: string, into: Uint8Array, reply: Fuse.Reply): void {
    this.#answer(path, 'attributes’ names', reply, (inode) =>
      giveXattr(utf8Names(this.#fs.listxattr(inode)), into, reply),
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

  /** Ends the reads that wait for the network: nobody waits for their bytes any more. */
  abortReads(): void {
    this.#pending.abortAll();
  }

  /** Resolves a path and goes on with its inode, or replies why not. */
  #answer(path: string, what: string, reply: (errno: number) => void, go: (inode: number) => void): void {
    try {
      const inode = inodeAt(this.#tree, path);
      if (inode < 0) reply(inode);
      else go(inode);
    } catch (error) {
      reply(-this.#faults.report(error, `${what} of ${quoteName(Buffer.from(path))}`));
    }
  }
}

const refuse: Refusal = (...args) => (args.at(-1) as Fuse.Reply)(-EROFS);

/** Whole milliseconds, rounded down; what lies before 1970 is 1970, as the number has no sign on its way. */
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

/** Of names that each end in NUL those that are valid UTF-8: by others nobody could ask. */
function utf8Names(names: Uint8Array): Uint8Array {
  if (utf8Name(names) !== undefined) return names;
  const kept: Uint8Array[] = [];
  for (let start = 0; start < names.length; ) {
    const end = names.indexOf(NUL, start) + 1;
    const name = names.subarray(start, end);
    if (utf8Name(name) !== undefined) kept.push(name);
    start = end;
  }
  return Buffer.concat(kept);
}
