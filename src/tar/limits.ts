/**
 * Limits of a member's data beside its 512-byte header. Real ones stay below 64 KiB. The limits
 * prevent a hostile layer from filling memory, and match Go's archive/tar and libarchive. A member
 * beyond a limit is skipped with a warning, and none of its data is stored. (rule L2)
 */

/** Bytes of the data of one PAX header. */
export const MAX_PAX_SIZE = 1024 * 1024;
/** Bytes of one GNU long name or long link target. */
export const MAX_LONG_NAME_SIZE = 1024 * 1024;
/** Bytes of one sparse map: old GNU's extension blocks, or PAX 1.0's map before the data. */
export const MAX_SPARSE_MAP_SIZE = 1024 * 1024;

/** Components of a cleaned path. PATH_MAX allows 2048. */
export const MAX_PATH_DEPTH = 4096;
/** Bytes of a name. (NAME_MAX of Linux) */
export const MAX_NAME_LENGTH = 255;
/** Bytes of a link's target: PATH_MAX without the NUL. No Linux file system stores more. */
export const MAX_LINK_TARGET_LENGTH = 4095;
/** Bytes of an extended attribute's name and value: Linux returns no larger ones. (xattr(7)) */
export const MAX_XATTR_NAME_LENGTH = 255;
export const MAX_XATTR_VALUE_LENGTH = 65536;

/** Sizes and offsets are exact integers of a double. */
export const MAX_FILE_SIZE = Number.MAX_SAFE_INTEGER;
/** 2^32-1 is the kernel's "no owner": chown with it changes nothing. */
export const MAX_OWNER_ID = 0xffff_fffe;
/** Shown for larger owners, as the kernel does. (overflowuid) */
export const OVERFLOW_OWNER_ID = 65534;
/** Seconds before and after 1970: 142 million years. Their differences are exact integers too. */
export const MAX_SECONDS = 2 ** 52 - 1;
/** Linux has 12 bits of a major and 20 of a minor. Other systems' numbers fit 32 bits. */
export const MAX_DEVICE_NUMBER = 0xffff_ffff;
