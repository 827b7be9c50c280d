/** What the kernel is told, or holds us to, whatever the transport. */

export const NAME_MAX = 255; // bytes; the kernel lets 1024 through to us
export const PATH_MAX = 4096; // bytes with the NUL; the kernel has one page for the target of a link

/** st_blksize: what `cat` and `cp` take as a hint, and the block of statfs. */
export const BLOCK_SIZE = 4096; // bytes

/**
 * How long the kernel may keep a name (a missing one too) or attributes without asking again: seconds, ten years. The
 * image is named by digest, so nothing changes while it is mounted.
 */
export const CACHE_SECONDS = 315_360_000;
