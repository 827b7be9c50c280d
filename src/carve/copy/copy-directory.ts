import { constants, linkSync, mkdirSync, type Stats } from 'node:fs';
import { systemCode } from '../../base/errors.js';
import type { FileCalls } from '../../base/system-calls/file-calls.js';
import type { CarveTarget, KeptAttributes, SpecialFile } from '../output/carve-target.js';
import { OutputDirectory, type OutputDirectoryOptions } from '../output/output-directory.js';
import { attempt } from '../output/output-file.js';
import { specialRefusal } from '../search/wanted-file.js';

const NODE_TYPES: Record<SpecialFile['kind'], number> = {
  char: constants.S_IFCHR,
  block: constants.S_IFBLK,
  fifo: constants.S_IFIFO,
};

/** Modes while something is being copied: others must not see what its own mode forbids. */
const UNFINISHED_DIRECTORY = 0o700;
const UNFINISHED_FILE = 0o600;

/** System errors by which a user, a container or a file system refuses devices. */
const REFUSALS: ReadonlySet<string | undefined> = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'ENOSYS']);

export interface CopyDirectoryOptions extends OutputDirectoryOptions {
  calls: FileCalls | undefined; // undefined: no devices and no FIFOs
}

/**
 * An output directory with hard links, devices and FIFOs. Directories that were there before keep
 * their attributes, unless replaced files are allowed.
 */
export class CopyDirectory extends OutputDirectory implements CarveTarget {
  /** Whether each open directory is new. */
  readonly #isNew: boolean[] = [];

  /** @throws LayerslayerError IO_FAILED */
  constructor(
    path: string,
    private readonly options: CopyDirectoryOptions,
  ) {
    super(path, options);
  }

  override beginDirectory(names: readonly Uint8Array[]): void {
    super.beginDirectory(names.slice(0, -1)); // of a root: itself
    const isNew = names.length > 0 && !this.hasDirectory(names);
    if (isNew) attempt(this.display(names), () => mkdirSync(this.path(names), UNFINISHED_DIRECTORY));
    this.#isNew.push(isNew);
  }

  override endDirectory(names: readonly Uint8Array[], attributes: KeptAttributes): void {
    if (this.#isNew.pop() || this.options.force) super.endDirectory(names, attributes);
  }

  special(names: readonly Uint8Array[], file: SpecialFile, attributes: KeptAttributes): void {
    const { kind, deviceMajor, deviceMinor } = file;
    const { calls } = this.options;
    const isSame = (status: Stats) => isSameNode(status, file);
    if (!calls) throw specialRefusal({ text: this.display(names) }, kind);
    this.place(
      names,
      (temporary) => {
        try {
          calls.makeNode(temporary, NODE_TYPES[kind] | UNFINISHED_FILE, deviceMajor, deviceMinor);
        } catch (error) {
          if (REFUSALS.has(systemCode(error))) throw specialRefusal({ text: this.display(names) }, kind);
          throw error;
        }
        this.attributes.apply({ kind, path: temporary }, attributes);
      },
      isSame,
    );
  }

  link(names: readonly Uint8Array[], to: readonly Uint8Array[]): void {
    this.place(names, (temporary) => linkSync(this.path(to), temporary));
  }
}

/** An earlier copy of the same device or FIFO. */
function isSameNode(status: Stats, { kind, deviceMajor, deviceMinor }: SpecialFile): boolean {
  if ((status.mode & constants.S_IFMT) !== NODE_TYPES[kind]) return false;
  return kind === 'fifo' || status.rdev === deviceNumber(deviceMajor, deviceMinor);
}

/** As stat(2) has it on Linux (makedev(3)), in the bits that numbers of devices use. */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + (minor & 0xfff00) * 0x1000;
}
