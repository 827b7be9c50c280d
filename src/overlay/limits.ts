/** Limits of a merge, besides LAYERS_MAX. (rules L1 to L3) */

/** Entries of all layers: ten times the largest images in use. */
export const MAX_ENTRIES = 10_000_000;

/** Peak bytes of a merge per inode and per name: columns of the draft and the sort (counted). */
export const INODE_COST = 36;
export const DENTRY_COST = 57;

/** Inodes of a draft. Short paths can imply many directories: entries alone bound nothing. */
export const MAX_DRAFT_INODES = 16_000_000;

/** Bytes of all paths of one layer: a 32-bit column points into them. */
export const MAX_PATH_HEAP = 2 ** 32 - 1;

/** Components of a path, also after following links; bytes of a name and a symlink's target. */
export { MAX_LINK_TARGET_LENGTH, MAX_NAME_LENGTH, MAX_PATH_DEPTH } from '../tar/limits.js';

/** Symlinks followed on one path. (MAXSYMLINKS of Linux, path_resolution(7)) */
export const MAX_FOLLOWED_LINKS = 40;

/**
 * Components followed behind symlinks in one merge. An entry of ten bytes may lead through 40 links
 * of 2,000 components each: without a limit, a layer of some MiB keeps the merge busy for hours.
 */
export const MAX_LINK_STEPS = 20_000_000;
