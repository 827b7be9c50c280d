import { fchownSync, lchownSync } from 'node:fs';
import type { FileCalls } from '../../base/system-calls/file-calls.js';
import { reasonText } from '../../base/system-error-text.js';
import { textOfBytes } from '../../base/text/raw-text.js';
import type { ExtendedAttribute } from '../../tar/entry.js';
import type { KeptAttributes } from '../output/carve-target.js';
import { type AttributeWriter, type MadeFile, MODE_AND_TIME } from '../output/kept-attributes.js';

/** Keeps mode, times and extended attributes; the owner if asked to. Counts what can't be kept. */
export class CopiedAttributes implements AttributeWriter {
  /** Extended attributes that are not kept. */
  lost = 0;
  /** Why the first of them is not. */
  lossReason = '';

  /** @param calls without them times are less exact, and there are no extended attributes */
  constructor(
    private readonly calls: FileCalls | undefined,
    private readonly keepsOwner: boolean,
  ) {}

  apply(file: MadeFile, attributes: KeptAttributes): void {
    const { path, fd } = file;
    const { uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs = [] } = attributes;
    // A change of the owner removes setuid bits and capabilities: it comes first.
    if (this.keepsOwner && fd !== undefined) fchownSync(fd, uid, gid);
    else if (this.keepsOwner) lchownSync(path, uid, gid);
    for (const attribute of xattrs) this.#setExtended(fd ?? path, attribute);
    MODE_AND_TIME.apply(file, attributes);
    this.calls?.setTimes(fd ?? path, mtimeSeconds, mtimeNanoseconds);
  }

  #setExtended(file: Buffer | number, { name, value }: ExtendedAttribute): void {
    try {
      if (this.calls) this.calls.setExtendedAttribute(file, name, value);
      else this.#lose('the npm package koffi is not installed');
    } catch (error) {
      // Also ENOSPC: ext4 says that of a long value on an empty disk.
      this.#lose(`${textOfBytes(name)}: ${reasonText(error)}`);
    }
  }

  #lose(reason: string): void {
    if (this.lost++ === 0) this.lossReason = reason;
  }
}
