import { constants } from 'node:os';
import { loadKoffi } from './load-koffi.js';

/**
 * System calls on files that Node has no functions for. A file is a path without NUL, or an open
 * descriptor. No call follows a symlink. Each throws the system's error, with its `code`.
 */
export interface FileCalls {
  setExtendedAttribute(file: Uint8Array | number, name: Uint8Array, value: Uint8Array): void;
  /** Sets access and modification time. Node's `utimes` rounds to less than a microsecond. */
  setTimes(file: Uint8Array | number, seconds: number, nanoseconds: number): void;
  /** Makes a device, or a FIFO. @param mode with the type's bits (`S_IFIFO` and so on) */
  makeNode(path: Uint8Array, mode: number, major: number, minor: number): void;
}

/** Numbers of Linux's ABI, the same on each architecture that koffi has a build for. */
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;

/** struct timespec where `long` has 64 bits. */
const TIMESPEC_SIZE = 16;

/** Of two names for one number the first, as Node does it. */
const CODES = new Map(
  Object.entries(constants.errno)
    .reverse()
    .map(([code, number]) => [number, code]),
);

let loaded: Promise<FileCalls | undefined> | undefined;

/** Returns undefined where koffi is not installed, or `long` has 32 bits. */
export function loadFileCalls(): Promise<FileCalls | undefined> {
  loaded ??= load().catch(() => undefined);
  return loaded;
}

async function load(): Promise<FileCalls | undefined> {
  const koffi = await loadKoffi();
  if (koffi.sizeof('long') !== 8) return undefined; // time_t may have 32 bits too
  const libc = koffi.load(null); // this program's own: glibc or musl, whatever its name
  const lsetxattr = libc.func(
    'int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)',
  );
  const fsetxattr = libc.func(
    'int fsetxattr(int file, const void *name, const void *value, size_t size, int flags)',
  );
  const futimens = libc.func('int futimens(int file, const void *times)');
  const utimensat = libc.func('int utimensat(int directory, const void *path, const void *times, int flags)');
  const mknod = libc.func('int mknod(const void *path, uint32_t mode, uint64_t device)');
  const check = (call: string, result: number) => {
    if (result === 0) return;
    const code = CODES.get(koffi.errno()) ?? `Unknown system error -${koffi.errno()}`;
    throw Object.assign(new Error(`${call}: ${code}`), { code });
  };
  const times = Buffer.alloc(2 * TIMESPEC_SIZE);
  return {
    setExtendedAttribute(file, name, value) {
      const set = typeof file === 'number' ? fsetxattr : lsetxattr;
      check('setxattr', set(argument(file), terminated(name), value, value.length, 0));
    },
    setTimes(file, seconds, nanoseconds) {
      for (let at = 0; at < times.length; at += TIMESPEC_SIZE) {
        setWord(times, at, seconds);
        setWord(times, at + TIMESPEC_SIZE / 2, nanoseconds);
      }
      if (typeof file === 'number') check('futimens', futimens(file, times));
      else check('utimensat', utimensat(AT_FDCWD, terminated(file), times, AT_SYMLINK_NOFOLLOW));
    },
    makeNode(path, mode, major, minor) {
      check('mknod', mknod(terminated(path), mode, deviceNumber(major, minor)));
    },
  };
}

const argument = (file: Uint8Array | number) => (typeof file === 'number' ? file : terminated(file));

/** A string of C. */
function terminated(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(1)]);
}

/** Writes a signed number of 64 bits in the machine's order. */
function setWord(into: Buffer, at: number, value: number): void {
  new BigInt64Array(into.buffer, into.byteOffset + at, 1)[0] = BigInt(value);
}

/** The dev_t of glibc and musl: major and minor have 32 bits each, in two parts. (makedev(3)) */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}
