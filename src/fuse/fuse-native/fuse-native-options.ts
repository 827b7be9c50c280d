import type Fuse from 'fuse-native';
import { LayerslayerError } from '../../base/errors.js';
import { CACHE_SECONDS } from '../kernel-numbers.js';
import { escapedSource } from '../mounting/kernel-mount.js';
import { SUBTYPE } from '../mounting/mount-table.js';
import type { TransportOptions } from '../transport.js';

/** libfuse 2's largest read: 32 pages. */
const MAX_READ_SIZE = 128 * 1024; // bytes

/**
 * Read-ahead requests in flight. Each holds a thread of libfuse, which starts as many as there are
 * requests and ends idle ones above ten. fuse-native never frees what it allocated for a thread.
 */
const MAX_BACKGROUND = 8;

/**
 * Maximum bytes of the source. fuse-native cuts all options together at 1023 bytes. Escaped it is
 * twice as long, and the others take 300.
 */
const SOURCE_MAX = 340;

/** Returns fuse-native's options for libfuse. @throws LayerslayerError MOUNT_FAILED */
export function fuseNativeOptions(options: TransportOptions): Fuse.Options {
  // In C a NUL would end the options: later ones, such as `ro`, would be lost.
  if (options.source.includes('\0')) throw new LayerslayerError('MOUNT_FAILED', 'the source holds a NUL');
  return {
    // fuse-native knows few of libfuse's options. Text after the name is passed on unchanged.
    fsname: [
      escapedSource(cut(options.source)),
      'ro',
      options.suid ? 'suid' : 'nosuid',
      options.devices ? 'dev' : 'nodev',
      ...(options.exec ? [] : ['noexec']),
      'use_ino',
      `negative_timeout=${CACHE_SECONDS}`,
      `max_background=${MAX_BACKGROUND}`,
      ...(options.nonempty ? ['nonempty'] : []),
    ].join(','),
    subtype: SUBTYPE,
    allowOther: options.allowOther,
    // Other users come in only under the image's modes; by default the kernel lets none in.
    defaultPermissions: options.allowOther || options.defaultPermissions,
    kernelCache: true, // contents never change: cached pages stay from one open to the next
    maxRead: MAX_READ_SIZE,
    entryTimeout: CACHE_SECONDS,
    attrTimeout: CACHE_SECONDS,
    timeout: false, // each operation is answered, by its own deadline if it has to wait
  };
}

/** Cuts the source at a whole character. Only the path of a local image can be too long. */
function cut(source: string): string {
  const bytes = Buffer.from(source);
  if (bytes.length <= SOURCE_MAX) return source;
  let end = SOURCE_MAX;
  while ((bytes[end]! & 0xc0) === 0x80) end--; // in the middle of a character
  return bytes.toString('utf8', 0, end);
}
