import { chmodSync, lstatSync, lutimesSync, type Stats } from 'node:fs';
import type { InodeKind } from '../../overlay/tree.js';
import type { KeptAttributes } from './carve-target.js';

/** setuid and setgid give the owner's rights to every user who runs the file. */
const OWNER_RIGHTS = 0o6000;

/** Sets the attributes that files in a directory retain. */
export interface AttributeWriter {
  /**
   * @param path of a complete file, perhaps a temporary name; not followed if it is a symlink
   * @throws the system's error
   */
  apply(path: Buffer, kind: InodeKind, attributes: KeptAttributes): void;
}

/** Keeps mode and time. The files belong to the user. */
export const MODE_AND_TIME: AttributeWriter = {
  apply(path, kind, attributes) {
    const seconds = attributes.mtimeSeconds + attributes.mtimeNanoseconds / 1e9;
    if (kind !== 'symlink') chmodSync(path, keptMode(attributes, lstatSync(path)));
    lutimesSync(path, seconds, seconds);
  },
};

/** As `cp -p`: the owner's rights are kept only where the owner is the same. */
function keptMode({ mode, uid, gid }: KeptAttributes, status: Stats): number {
  return status.uid === uid && status.gid === gid ? mode : mode & ~OWNER_RIGHTS;
}
