/** What a merge refuses to go beyond. (rules L1 to L3) */

/** Layers of one image; overlayfs itself stops at 500. Also what a 16-bit column has ample room for. */
export const MAX_LAYERS = 1024;

/** Entries of all layers together: ten times the largest images in use. */
export const MAX_ENTRIES = 10_000_000;

/** Peak bytes of a merge per inode and per name: columns of the draft and the sort (counted). */
export const INODE_COST = 36;
export const DENTRY_COST = 57;

/**
 * Inodes made while merging. Paths of few bytes can imply many directories (`a/a/a/a/…`), so that entries alone
 * bound nothing.
 */
export const MAX_DRAFT_INODES = 16_000_000;

/** Bytes of all paths of one layer: what a 32-bit column can point into. */
export const MAX_PATH_HEAP = 2 ** 32 - 1;

/** Components of a path, also after following links; bytes of a name and a symlink's target. */
export { MAX_LINK_TARGET_LENGTH, MAX_NAME_LENGTH, MAX_PATH_DEPTH } from '../tar/limits.js';

/** Symlinks followed on one path. (MAXSYMLINKS of Linux, path_resolution(7)) */
export const MAX_FOLLOWED_LINKS = 40;

/**
 * Components walked behind symlinks in one merge. An entry of ten bytes may lead through 40 links of 2,000 components
 * each: without a budget a layer of some MiB keeps the merge busy for hours. Real layers need a few an entry at most.
 */
export const MAX_LINK_STEPS = 20_000_000;
