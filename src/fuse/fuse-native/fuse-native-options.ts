import type Fuse from 'fuse-native';
import { LayerslayerError } from '../../base/errors.js';
import { CACHE_SECONDS } from '../kernel-numbers.js';
import { FILE_SYSTEM_TYPE } from '../mounting/kernel-mount.js';
import type { TransportOptions } from '../transport.js';

/** libfuse 2's largest read: 32 pages. */
const MAX_READ_SIZE = 128 * 1024; // bytes

/**
 * Read-ahead requests in flight. Each holds a thread of libfuse, which starts as many as there are requests and ends those
 * above ten that are idle; fuse-native never takes back what it made for a thread.
 */
const MAX_BACKGROUND = 8;

/** Bytes of the source. fuse-native cuts all options together at 1023 bytes; escaped it is twice as long, the others take 300. */
const SOURCE_MAX = 340;

/** What fuse-native hands to libfuse. @throws LayerslayerError MOUNT_FAILED */
export function fuseNativeOptions(options: TransportOptions): Fuse.Options {
  // In C a NUL ends them all: what comes behind, such as `ro`, would be gone.
  if (options.source.includes('\0')) throw new LayerslayerError('MOUNT_FAILED', 'the source holds a NUL');
  return {
    // fuse-native knows few of libfuse's options; what follows the name passes through as it is.
    fsname: [
      escaped(cut(options.source)),
      'ro',
      options.suid ? 'suid' : 'nosuid',
      options.devices ? 'dev' : 'nodev',
      ...(options.exec ? [] : ['noexec']),
      'use_ino',
      `negative_timeout=${CACHE_SECONDS}`,
      `max_background=${MAX_BACKGROUND}`,
      ...(options.nonempty ? ['nonempty'] : []),
    ].join(','),
    subtype: FILE_SYSTEM_TYPE.replace(/^fuse\./, ''),
    allowOther: options.allowOther,
    // Others come in only under the image's own modes; without allow_other the kernel lets nobody but this user in.
    defaultPermissions: options.allowOther || options.defaultPermissions,
    kernelCache: true, // contents never change: cached pages stay from one open to the next
    maxRead: MAX_READ_SIZE,
    entryTimeout: CACHE_SECONDS,
    attrTimeout: CACHE_SECONDS,
    timeout: false, // each operation is answered, by its own deadline if it has to wait
  };
}

/** A comma would begin an option of its own: an image named `a,suid` must not get one. */
function escaped(source: string): string {
  return source.replace(/[\\,]/g, '\\$&');
}

/** Whole characters of it; only the path of a local image can be as long as that. */
function cut(source: string): string {
  const bytes = Buffer.from(source);
  if (bytes.length <= SOURCE_MAX) return source;
  let end = SOURCE_MAX;
  while ((bytes[end]! & 0xc0) === 0x80) end--; // in the middle of a character
  return bytes.toString('utf8', 0, end);
}
