import { LayerslayerError } from '#src/base/errors.js';
import type { Attributes, LayerFs, Statfs } from '#src/fs/layer-fs.js';
import type { InodeKind } from '#src/overlay/tree.js';

type Name = string | Uint8Array;
type ReadFunction = (
  offset: number,
  length: number,
  signal?: AbortSignal,
) => Uint8Array | Promise<Uint8Array>;

interface Item {
  kind: InodeKind;
  mode?: number;
  uid?: number;
  gid?: number;
  mtime?: [seconds: number, nanoseconds: number];
  device?: [major: number, minor: number];
  size?: number; // when it is not the content's
  blocks?: number;
  content?: Uint8Array;
  read?: ReadFunction; // instead of content
  target?: Uint8Array;
  segments?: [offset: number, length: number][]; // of data; what is not in one reads as zeros all the same
  xattrs?: Record<string, Uint8Array>;
  hidden?: Record<string, Uint8Array>; // answered by getxattr, not listed
}

interface Inode extends Item {
  number: number;
  nlink: number;
  parent: number;
  names: { name: Uint8Array; inode: number }[];
  byName: Map<string, number>;
}

const bytesOf = (name: Name) => (typeof name === 'string' ? Buffer.from(name) : name);
const keyOf = (name: Uint8Array) => Buffer.from(name).toString('latin1');

/**
 * A LayerFs in memory, filled by `add`. As simple as possible, so that comparisons can rely on it.
 */
export class MemoryFs implements LayerFs {
  readonly #inodes: Inode[] = [];
  /** Calls of each operation, for tests that say what the kernel must not ask again. */
  readonly calls = { lookup: 0, getattr: 0, readlink: 0, readdir: 0, read: 0, getxattr: 0, statfs: 0 };

  constructor(root: Omit<Item, 'kind'> = {}) {
    this.#create(1, { ...root, kind: 'dir' });
  }

  get root(): number {
    return 1;
  }

  /** @returns the new inode's number */
  add(parent: number, name: Name, item: Item): number {
    const inode = this.#create(parent, item);
    this.link(parent, name, inode.number);
    inode.nlink = item.kind === 'dir' ? 2 : 1;
    if (item.kind === 'dir') this.#get(parent).nlink++;
    return inode.number;
  }

  dir(parent: number, name: Name, item: Omit<Item, 'kind'> = {}): number {
    return this.add(parent, name, { ...item, kind: 'dir' });
  }

  file(parent: number, name: Name, content: Name, item: Omit<Item, 'kind'> = {}): number {
    return this.add(parent, name, { ...item, kind: 'file', content: bytesOf(content) });
  }

  /** A file whose reads are answered by a function. */
  device(parent: number, name: Name, size: number, read: ReadFunction): number {
    return this.add(parent, name, { kind: 'file', size, read });
  }

  /** Says more of an inode. */
  describe(inode: number, more: Omit<Item, 'kind'>): void {
    Object.assign(this.#get(inode), more);
  }

  symlink(parent: number, name: Name, target: Name, item: Omit<Item, 'kind'> = {}): number {
    return this.add(parent, name, { ...item, kind: 'symlink', target: bytesOf(target) });
  }

  /** One more name of an inode. */
  link(parent: number, name: Name, inode: number): void {
    const directory = this.#get(parent);
    const bytes = Uint8Array.from(bytesOf(name));
    directory.names.push({ name: bytes, inode });
    directory.byName.set(keyOf(bytes), inode);
    this.#get(inode).nlink++;
  }

  #create(parent: number, item: Item): Inode {
    const number = this.#inodes.length + 1;
    const nlink = item.kind === 'dir' ? 2 : 0;
    const inode = { ...item, number, nlink, parent, names: [], byName: new Map() };
    this.#inodes.push(inode);
    return inode;
  }

  #get(number: number, kind?: InodeKind): Inode {
    const inode = this.#inodes[number - 1];
    if (!inode || (kind && inode.kind !== kind)) {
      throw new LayerslayerError('INVALID_ARGUMENT', `inode ${number}: none, or not a ${kind ?? 'thing'}`);
    }
    return inode;
  }

  lookup(parent: number, name: Uint8Array): number {
    this.calls.lookup++;
    return this.#get(parent, 'dir').byName.get(keyOf(name)) ?? 0;
  }

  getattr(number: number, into: Attributes): Attributes {
    this.calls.getattr++;
    const inode = this.#get(number);
    const size =
      inode.size ?? inode.content?.length ?? inode.target?.length ?? (inode.kind === 'dir' ? 4096 : 0);
    into.inode = number;
    into.kind = inode.kind;
    into.mode = inode.mode ?? (inode.kind === 'dir' ? 0o755 : inode.kind === 'symlink' ? 0o777 : 0o644);
    into.nlink = inode.nlink;
    into.uid = inode.uid ?? 0;
    into.gid = inode.gid ?? 0;
    into.deviceMajor = inode.device?.[0] ?? 0;
    into.deviceMinor = inode.device?.[1] ?? 0;
    into.size = size;
    into.blocks = inode.blocks ?? (inode.kind === 'file' ? Math.ceil(size / 512) : 0);
    into.mtimeSeconds = inode.mtime?.[0] ?? 0;
    into.mtimeNanoseconds = inode.mtime?.[1] ?? 0;
    return into;
  }

  pathOf(number: number): Uint8Array {
    const names: string[] = [];
    for (let inode = this.#get(number); inode.number !== 1; inode = this.#get(inode.parent)) {
      const { names: siblings } = this.#get(inode.parent);
      names.unshift(keyOf(siblings.find((one) => one.inode === inode.number)!.name));
    }
    return Buffer.from(`/${names.join('/')}`, 'latin1');
  }

  readlink(inode: number): Uint8Array {
    this.calls.readlink++;
    return this.#get(inode, 'symlink').target ?? new Uint8Array(0);
  }

  readdir(
    directory: number,
    offset: number,
    visit: (name: Uint8Array, inode: number, kind: InodeKind, next: number) => boolean,
  ): void {
    this.calls.readdir++;
    const { names, parent } = this.#get(directory, 'dir');
    const dots = [
      { name: Buffer.from('.'), inode: directory },
      { name: Buffer.from('..'), inode: parent },
    ];
    for (let i = offset; i < names.length + 2; i++) {
      const { name, inode } = (i < 2 ? dots[i] : names[i - 2])!;
      if (!visit(name, inode, this.#get(inode).kind, i + 1)) return;
    }
  }

  read(
    number: number,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Uint8Array | Promise<Uint8Array> {
    this.calls.read++;
    const inode = this.#get(number, 'file');
    if (inode.read)
      return inode.read(offset, Math.max(0, Math.min(length, (inode.size ?? 0) - offset)), signal);
    return (inode.content ?? new Uint8Array(0)).subarray(offset, offset + length);
  }

  /** Edge by edge, from the definition. */
  seek(number: number, offset: number, what: 'data' | 'hole'): number | undefined {
    const inode = this.#get(number, 'file');
    const size = inode.size ?? inode.content?.length ?? 0;
    const segments = inode.segments ?? [[0, size]];
    const isData = (at: number) => segments.some(([start, length]) => at >= start && at < start + length);
    if (offset >= size) return undefined;
    const edges = segments.flatMap(([start, length]) => [start, start + length]).sort((a, b) => a - b);
    const candidates = [offset, ...edges.filter((edge) => edge > offset && edge < size)];
    const found = candidates.find((at) => isData(at) === (what === 'data'));
    return found ?? (what === 'hole' ? size : undefined);
  }

  getxattr(inode: number, name: Uint8Array): Uint8Array | undefined {
    this.calls.getxattr++;
    const { xattrs, hidden } = this.#get(inode);
    return xattrs?.[keyOf(name)] ?? hidden?.[keyOf(name)];
  }

  listxattr(inode: number): Uint8Array {
    return Buffer.from(
      Object.keys(this.#get(inode).xattrs ?? {})
        .map((name) => `${name}\0`)
        .join(''),
      'latin1',
    );
  }

  statfs(): Statfs {
    this.calls.statfs++;
    return { blockSize: 4096, blocks: 12_345, files: this.#inodes.length, nameMax: 255 };
  }
}
