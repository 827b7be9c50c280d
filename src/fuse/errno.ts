import { constants } from 'node:os';
import type { ErrorCode } from '../base/errors.js';

/** Numbers of this machine: they are not the same on every architecture. */
export const {
  EACCES,
  EAGAIN,
  EILSEQ,
  EINTR,
  EINVAL,
  EIO,
  ENAMETOOLONG,
  ENODATA,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
  EPROTO,
  ERANGE,
  EROFS,
} = constants.errno;

/**
 * What a program sees when the file system throws. All of it happens after mounting, where every fault of the network
 * is EIO: a registry's 403 as EACCES would send the user looking at file modes, a lost blob as ENOENT would make a
 * file vanish. Names that are not there are values, not throws, so NOT_FOUND here is always a blob.
 */
const ERRNO_OF_CODE: Record<ErrorCode, number> = {
  INVALID_ARGUMENT: EINVAL,
  INVALID_REFERENCE: EINVAL,
  NOT_FOUND: EIO,
  UNAUTHORIZED: EIO,
  NO_MATCHING_PLATFORM: EIO,
  REGISTRY_UNAVAILABLE: EIO,
  TIMED_OUT: EIO,
  RATE_LIMITED: EIO,
  DIGEST_MISMATCH: EIO,
  CORRUPT_LAYER: EIO,
  UNSUPPORTED: EOPNOTSUPP,
  MOUNT_FAILED: EIO,
  UNMOUNT_FAILED: EIO,
  ABORTED: EINTR,
  INTERNAL: EIO,
  IO_FAILED: EIO,
};

/** @returns a positive errno */
export function errnoOf(code: ErrorCode): number {
  return ERRNO_OF_CODE[code];
}
