/** The used part of fuse-native 2.2, which has no types of its own. */
declare module 'fuse-native' {
  namespace Fuse {
    /** Positive: a length, where one is expected. 0: done. Negative: an errno. */
    type Reply = (result: number) => void;

    interface Stat {
      mode: number;
      ino: number; // cut to 32 bits, as all but size and blocks
      uid?: number;
      gid?: number;
      size?: number;
      nlink?: number;
      rdev?: number;
      blksize?: number;
      blocks?: number;
      atime: number; // ms since 1970, 0 or more; now if omitted
      mtime: number;
      ctime: number;
    }

    interface Statfs {
      bsize: number;
      frsize: number;
      blocks: number;
      files: number;
      namemax: number;
    }

    /** Operations that change the file system. The reply is the last argument. */
    type Change =
      | ('create' | 'mknod' | 'mkdir' | 'unlink' | 'rmdir' | 'symlink' | 'link' | 'rename')
      | ('write' | 'truncate' | 'chmod' | 'chown' | 'utimens' | 'setxattr' | 'removexattr');

    /** libfuse's operations, by path. Missing ones are ENOSYS. */
    interface Operations extends Record<Change, (...args: [...unknown[], Reply]) => void> {
      getattr(path: string, reply: (errno: number, stat?: Stat) => void): void;
      readdir(path: string, reply: (errno: number, names?: string[], stats?: Stat[]) => void): void;
      readlink(path: string, reply: (errno: number, target?: string) => void): void;
      access(path: string, mask: number, reply: Reply): void;
      statfs(path: string, reply: (errno: number, statfs?: Statfs) => void): void;
      open(path: string, flags: number, reply: (errno: number, handle?: number) => void): void;
      read(
        path: string,
        handle: number,
        into: Uint8Array,
        length: number,
        offset: number,
        reply: Reply,
      ): void;
      getxattr: unknown; // present, so that libfuse asks; see `_op_getxattr`
      listxattr: unknown;
    }

    /** Options of libfuse's `-o`, by its names. Values are not quoted. */
    interface Options {
      fsname: string;
      subtype: string;
      allowOther: boolean;
      defaultPermissions: boolean;
      kernelCache: boolean;
      maxRead: number; // bytes
      entryTimeout: number; // seconds
      attrTimeout: number;
      timeout: false; // ms until an operation is answered by ETIMEDOUT
    }
  }

  class Fuse {
    constructor(mountpoint: string, operations: Fuse.Operations, options: Fuse.Options);
    /** Calls back when the kernel has sent INIT, or mounting failed. */
    mount(done: (error: Error | null) => void): void;
    /**
     * Answers GETXATTR and LISTXATTR. `reply` takes the buffer's memory. Replaced, because the
     * operation behind it does not get the size of `into`, which is empty when the program asks for
     * the size.
     */
    _op_getxattr(
      reply: (result: number, memory: ArrayBufferLike) => void,
      path: string,
      name: string,
      into: Uint8Array,
    ): void;
    _op_listxattr(
      reply: (result: number, memory: ArrayBufferLike) => void,
      path: string,
      into: Uint8Array,
    ): void;
  }

  export = Fuse;
}
