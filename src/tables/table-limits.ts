/**
 * Limits of a table, beyond which a layer gets an index by a pass of our own. All memory but the
 * index is bounded by PART_SIZE and ENTRY_TEXT_SIZE: tables are decoded and parsed as they come.
 */

/** Bytes of a table, compressed or not. (containers/storage has this limit) */
export const TABLE_SIZE = 150 * 1024 ** 2;

/** Bytes of a tar-split, uncompressed: about 2,400 an entry (measured). */
export const TAR_SPLIT_SIZE = 1024 ** 3;

/** Bytes of one entry's JSON. A PAX header, whose values have a third more here, is 1 MiB. */
export const ENTRY_TEXT_SIZE = 2 * 1024 ** 2;

/** Bytes of a table's JSON besides its entries. */
export const FRAME_TEXT_SIZE = 64 * 1024;

/** Bytes of one line of a tar-split: the headers before a file, in base64. */
export const SPLIT_LINE_SIZE = 4 * 1024 ** 2;

/** Bytes that one request brings. */
export const PART_SIZE = 8 * 1024 ** 2;

/** Bytes of zeros that are hashed to check the digests of a table's holes: a second or two. */
export const HASHED_ZEROS = 512 * 1024 ** 2;
