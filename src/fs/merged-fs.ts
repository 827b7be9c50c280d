import { LayerslayerError } from '../base/errors.js';
import type { Layer } from '../engine/layer.js';
import { joinPath, namesOf } from '../overlay/resolve-path.js';
import { type InodeKind, ROOT_INODE, type Tree } from '../overlay/tree.js';
import { nextData, nextHole } from '../tar/sparse-seek.js';
import type { Attributes, FileBytes, LayerFs, Statfs, VisitName } from './layer-fs.js';
import { isProvenance, provenance } from './provenance.js';
import { transformSymlink } from './transform-symlink.js';

export interface MergedFsOptions {
  uid?: number | undefined; // owner of everything, instead of the image's
  gid?: number | undefined;
  /** Absolute mountpoint to redirect absolute links below. Without it they are unchanged. */
  transformSymlinks?: string | undefined;
  /** The build step that made a layer. */
  createdBy: (layerNumber: number) => string | undefined;
}

const NAME_MAX = 255;
/** Limits of Linux for an extended attribute (linux/limits.h), in bytes. */
const XATTR_NAME_MAX = 255;
const XATTR_SIZE_MAX = 65_536;
const BLOCK_SIZE = 4096;
const NUL = Buffer.alloc(1);
const EMPTY = new Uint8Array(0);
const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');

/** `.` and `..` come before the first child. A cursor counts the names before it. */
const DOT_NAMES = 2;

/** The file system of a merged tree. Names and attributes are the tree's, contents its layers'. */
export class MergedFs implements LayerFs {
  constructor(
    protected readonly tree: Tree,
    private readonly layers: ReadonlyMap<number, Layer>,
    private readonly options: MergedFsOptions,
  ) {}

  lookup(parent: number, name: Uint8Array): number {
    this.#check(parent, 'dir', 'looking up a name');
    return this.tree.lookup(parent, name);
  }

  getattr(inode: number, into: Attributes): Attributes {
    this.#check(inode, undefined, 'reading attributes');
    const { tree, options } = this;
    into.inode = inode;
    into.kind = tree.kind(inode);
    into.mode = tree.mode(inode);
    into.nlink = tree.nlink(inode);
    into.uid = options.uid ?? tree.uid(inode);
    into.gid = options.gid ?? tree.gid(inode);
    into.deviceMajor = tree.deviceMajor(inode);
    into.deviceMinor = tree.deviceMinor(inode);
    // A symlink's size is the length of what readlink answers: tar and Git allocate by it.
    into.size = into.kind === 'symlink' ? this.#target(inode).length : tree.size(inode);
    into.blocks = tree.blocks512(inode);
    into.mtimeSeconds = tree.mtimeSeconds(inode);
    into.mtimeNanoseconds = tree.mtimeNanoseconds(inode);
    return into;
  }

  pathOf(inode: number): Uint8Array {
    this.#check(inode, undefined, 'naming');
    return joinPath(namesOf(this.tree, inode));
  }

  readlink(inode: number): Uint8Array {
    this.#check(inode, 'symlink', 'reading a link');
    return this.#target(inode);
  }

  readdir(directory: number, offset: number, visit: VisitName): void {
    this.#check(directory, 'dir', 'listing');
    checkOffset(offset, 'listing', directory);
    const { tree } = this;
    if (offset < 1 && !visit(DOT, directory, 'dir', 1)) return;
    if (offset < 2 && !visit(DOT_DOT, tree.parentOf(directory), 'dir', 2)) return;
    const start = tree.childStart(directory);
    const end = tree.childEnd(directory);
    for (let dentry = start + Math.max(0, offset - DOT_NAMES); dentry < end; dentry++) {
      const inode = tree.dentryInode(dentry);
      const next = dentry - start + DOT_NAMES + 1;
      if (!visit(tree.dentryName(dentry), inode, tree.kind(inode), next)) return;
    }
  }

  read(inode: number, offset: number, length: number, signal?: AbortSignal): FileBytes {
    this.#check(inode, 'file', 'reading');
    checkOffset(offset, 'reading', inode);
    const available = Math.min(length, this.tree.size(inode) - offset);
    if (available <= 0) return EMPTY;
    return this.#layer(this.tree.layerOf(inode)).read(this.tree.rowOf(inode), offset, available, signal);
  }

  seek(inode: number, offset: number, what: 'data' | 'hole'): number | undefined {
    this.#check(inode, 'file', 'seeking');
    checkOffset(offset, 'seeking in', inode);
    const { tree } = this;
    const size = tree.size(inode);
    // An empty file need not have an entry to ask.
    const segments =
      size === 0 ? undefined : this.#layer(tree.layerOf(inode)).entries.sparse(tree.rowOf(inode));
    return what === 'data' ? nextData(segments, size, offset) : nextHole(segments, size, offset);
  }

  getxattr(inode: number, name: Uint8Array): Uint8Array | undefined {
    this.#check(inode, undefined, 'reading an extended attribute');
    if (isProvenance(name)) {
      const number = this.tree.layerOf(inode);
      return number === 0 ? undefined : provenance(name, number, this.#layer(number), this.options.createdBy);
    }
    return this.tree.xattrs(inode).find((xattr) => Buffer.compare(xattr.name, name) === 0)?.value;
  }

  listxattr(inode: number): Uint8Array {
    this.#check(inode, undefined, 'listing extended attributes');
    const xattrs = this.tree.xattrs(inode);
    if (xattrs.length === 0) return EMPTY;
    // Names with our prefix are answered by getxattr itself, whatever a layer says.
    return Buffer.concat(
      xattrs
        .filter((xattr) => !isProvenance(xattr.name) && isCarried(xattr))
        .flatMap(({ name }) => [name, NUL]),
    );
  }

  statfs(): Statfs {
    const { blocks, inodeCount } = this.tree;
    return { blockSize: BLOCK_SIZE, blocks, files: inodeCount, nameMax: NAME_MAX };
  }

  #target(inode: number): Uint8Array {
    const mountpoint = this.options.transformSymlinks;
    return mountpoint === undefined
      ? this.tree.linkTarget(inode)
      : transformSymlink(this.tree, inode, mountpoint);
  }

  #layer(number: number): Layer {
    const layer = this.layers.get(number);
    if (layer === undefined)
      throw new LayerslayerError('INTERNAL', `the tree names layer ${number}, which is not open`);
    return layer;
  }

  #check(inode: number, kind: InodeKind | undefined, doing: string): void {
    const { tree } = this;
    if (!Number.isInteger(inode) || inode < ROOT_INODE || inode > tree.inodeCount) {
      throw misuse(`${doing}: there is no inode ${inode}`);
    }
    if (kind !== undefined && tree.kind(inode) !== kind) {
      throw misuse(`${doing}: inode ${inode} is ${tree.kind(inode)}, want ${kind}`);
    }
  }
}

function checkOffset(offset: number, doing: string, inode: number): void {
  if (Number.isInteger(offset) && offset >= 0) return;
  throw misuse(`${doing} inode ${inode}: got offset ${offset}, want 0 or more`);
}

function misuse(message: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', message);
}

/** An empty name would fail the whole list with EIO, a long one each copy of the file. */
function isCarried({ name, value }: { name: Uint8Array; value: Uint8Array }): boolean {
  return name.length > 0 && name.length <= XATTR_NAME_MAX && value.length <= XATTR_SIZE_MAX;
}
