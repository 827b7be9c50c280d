import { MAX_READ_SIZE } from '../kernel-numbers.js';
import {
  FUSE_ASYNC_READ,
  FUSE_CACHE_SYMLINKS,
  FUSE_DO_READDIRPLUS,
  FUSE_EXPORT_SUPPORT,
  FUSE_INIT_IN,
  FUSE_INIT_OUT,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  FUSE_MAX_PAGES,
  FUSE_NO_OPEN_SUPPORT,
  FUSE_NO_OPENDIR_SUPPORT,
  FUSE_PARALLEL_DIROPS,
} from './abi.js';
import type { Reply } from './reply.js';
import type { FuseRequest } from './request.js';
import { LITTLE_ENDIAN } from './wire.js';

/** The oldest supported protocol. It has all flags below, and all maintained kernels have it. */
const OLDEST_MINOR_VERSION = 31;

const MAX_PAGES = 256; // of 4 KiB: 1 MiB a request, the kernel's own limit unless root raises it

/** Nothing is written. The kernel requires at least 4096, and reserves that in the buffer. */
const MAX_WRITE = 4096; // bytes

/**
 * Read-ahead requests in flight; more wait in the kernel. Enough to fill a fast link at a
 * registry's round-trip time (64 x 128 KiB), and a limit for the memory of replies. Beyond the
 * threshold the kernel stops reading ahead.
 */
const MAX_BACKGROUND = 64;
const CONGESTION_THRESHOLD = 48;

const TIME_GRANULARITY = 1; // nanoseconds

/**
 * Omitted on purpose: READDIRPLUS_AUTO (makes `find -printf %s` six times slower, measured),
 * AUTO_INVAL_DATA and EXPLICIT_INVAL_DATA (contents never change, so cached pages stay), and all
 * flags for writing.
 */
const WANTED_FLAGS =
  FUSE_ASYNC_READ |
  FUSE_EXPORT_SUPPORT |
  FUSE_DO_READDIRPLUS |
  FUSE_NO_OPEN_SUPPORT |
  FUSE_PARALLEL_DIROPS |
  FUSE_MAX_PAGES |
  FUSE_CACHE_SYMLINKS |
  FUSE_NO_OPENDIR_SUPPORT;

type Negotiation =
  | { outcome: 'agreed'; minor: number; flags: number }
  | { outcome: 'again' } // the kernel has a later major version and will send INIT again in ours
  | { outcome: 'refused'; reason: string };

/**
 * Reads the kernel's INIT and writes our reply, FUSE_INIT_OUT.SIZE bytes of it, unless refused.
 * (fuse.h, "Version negotiation")
 */
export function negotiate(request: FuseRequest, reply: Reply): Negotiation {
  const major = request.argumentU32(FUSE_INIT_IN.major);
  const minor = request.argumentU32(FUSE_INIT_IN.minor);
  reply.body.fill(0, 0, FUSE_INIT_OUT.SIZE);
  reply.putU32(FUSE_INIT_OUT.major, FUSE_KERNEL_VERSION);
  reply.putU32(FUSE_INIT_OUT.minor, FUSE_KERNEL_MINOR_VERSION);
  if (major > FUSE_KERNEL_VERSION) return { outcome: 'again' };
  if (major < FUSE_KERNEL_VERSION || minor < OLDEST_MINOR_VERSION) {
    const reason = `the kernel speaks FUSE ${major}.${minor}, want ${FUSE_KERNEL_VERSION}.${OLDEST_MINOR_VERSION} or newer`;
    return { outcome: 'refused', reason };
  }
  const flags = request.argumentU32(FUSE_INIT_IN.flags) & WANTED_FLAGS;
  const readahead = Math.min(request.argumentU32(FUSE_INIT_IN.max_readahead), MAX_READ_SIZE);
  reply.putU32(FUSE_INIT_OUT.max_readahead, readahead);
  reply.putU32(FUSE_INIT_OUT.flags, flags);
  reply.view.setUint16(FUSE_INIT_OUT.max_background, MAX_BACKGROUND, LITTLE_ENDIAN);
  reply.view.setUint16(FUSE_INIT_OUT.congestion_threshold, CONGESTION_THRESHOLD, LITTLE_ENDIAN);
  reply.putU32(FUSE_INIT_OUT.max_write, MAX_WRITE);
  reply.putU32(FUSE_INIT_OUT.time_gran, TIME_GRANULARITY);
  reply.view.setUint16(FUSE_INIT_OUT.max_pages, MAX_PAGES, LITTLE_ENDIAN);
  return { outcome: 'agreed', minor: Math.min(minor, FUSE_KERNEL_MINOR_VERSION), flags };
}
