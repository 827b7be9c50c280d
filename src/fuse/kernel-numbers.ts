/** Numbers of the kernel's interface, for all transports. */

export const NAME_MAX = 255; // bytes; the kernel lets 1024 through to us
export const PATH_MAX = 4096; // bytes with the NUL; the kernel has one page for the target of a link

/** st_blksize: what `cat` and `cp` take as a hint, and the block of statfs. */
export const BLOCK_SIZE = 4096; // bytes

/** Maximum bytes of one READ. The `max_read` mount option enforces it for any page size. */
export const MAX_READ_SIZE = 1024 * 1024;

/**
 * Seconds (ten years) that the kernel may cache names, missing ones too, and attributes. The image
 * is named by digest, so nothing changes while it is mounted.
 */
export const CACHE_SECONDS = 315_360_000;
