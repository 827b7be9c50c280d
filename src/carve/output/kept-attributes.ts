import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lutimesSync,
  openSync,
  type Stats,
} from 'node:fs';
import type { InodeKind } from '../../overlay/tree.js';
import type { KeptAttributes } from './carve-target.js';

/** setuid and setgid give the owner's rights to every user who runs the file. */
const OWNER_RIGHTS = 0o6000;

/** open(2) without access to the content: opening some devices has effects. */
const O_PATH = 0o10000000;

/** A file that has its content, perhaps under a temporary name. */
export interface MadeFile {
  kind: InodeKind;
  path: Buffer;
  fd?: number; // of a regular file: another process may have put something else in its place
}

/** Sets the attributes that files in a directory retain. */
export interface AttributeWriter {
  /** Follows no symlink in the last place. @throws the system's error */
  apply(file: MadeFile, attributes: KeptAttributes): void;
}

/** Keeps mode and time. The files belong to the user. */
export const MODE_AND_TIME: AttributeWriter = {
  apply(file, attributes) {
    if (file.kind !== 'symlink') setMode(file, attributes);
    const seconds = attributes.mtimeSeconds + attributes.mtimeNanoseconds / 1e9;
    if (file.fd === undefined) lutimesSync(file.path, seconds, seconds);
    else futimesSync(file.fd, seconds, seconds);
  },
};

/** Node has no chmod that does not follow symlinks. */
function setMode({ path, fd }: MadeFile, attributes: KeptAttributes): void {
  if (fd !== undefined) {
    fchmodSync(fd, keptMode(attributes, fstatSync(fd)));
    return;
  }
  const held = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    // Of a symlink, chmod fails: Linux has no modes of symlinks. (proc_pid_fd(5))
    chmodSync(`/proc/self/fd/${held}`, keptMode(attributes, fstatSync(held)));
  } finally {
    closeSync(held);
  }
}

/** As `cp -p`: the owner's rights are kept only where the owner is the same. */
function keptMode({ mode, uid, gid }: KeptAttributes, status: Stats): number {
  return status.uid === uid && status.gid === gid ? mode : mode & ~OWNER_RIGHTS;
}
