import { constants } from 'node:os';
import type { ErrorCode } from '../base/errors.js';

/** Errno numbers of this machine. They differ between architectures. */
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
 * The errno of a file system's error. All of them happen after mounting, where each network fault
 * is EIO. A registry's 403 as EACCES would make users check file modes. A lost blob as ENOENT would
 * make a file vanish. A missing name is a value, not an error, so NOT_FOUND here is always a blob.
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
