import { quoteName } from '../../base/text/quote-name.js';
import type { EntryTable } from '../../index/entry-table.js';
import { ENTRY_KINDS } from '../../tar/entry.js';
import { MAX_LINK_TARGET_LENGTH, MAX_PATH_DEPTH } from '../limits.js';
import { hashName } from '../name-hash.js';
import { PathComponents } from '../path-components.js';
import { roleOf } from '../whiteout.js';
import { DIRECTORY, type DraftTree, HARD_LINK, NONE, SYMLINK } from './draft-tree.js';
import type { LinkFollower } from './follow-links.js';
import { isTableMarker } from './table-markers.js';

/**
 * Second pass over a layer: its entries, in archive order, go into the tree, as an extracting tar
 * would put them. Archives list directory by directory: the directories of the last path are
 * remembered, so that an entry costs a walk only from where its path parts from the one before it.
 */
export class LayerWriter {
  #heap: Uint8Array;
  #rows = 0; // that were applied
  #path = new PathComponents();
  #lastPath = new PathComponents();
  readonly #target = new PathComponents();
  /** Directories that the first i components of `#lastPath` name, for i up to `#known`. */
  readonly #directories = new Int32Array(MAX_PATH_DEPTH + 1);
  #known = 0;

  constructor(
    private readonly draft: DraftTree,
    private readonly position: number, // of the layer, from 0
    private entries: EntryTable,
    private readonly follower: LinkFollower,
    private readonly skipped: SkippedEntries,
    private readonly hidesTableMarkers: boolean,
  ) {
    this.#heap = entries.pathHeap;
  }

  /**
   * Applies all rows, or the next ones of a layer that is still being read.
   * @param entries the layer's table, which begins with the rows of the one before
   */
  apply(entries = this.entries): void {
    this.entries = entries;
    this.#heap = entries.pathHeap;
    this.#directories[0] = this.draft.root;
    for (let row = this.#rows; row < entries.length; row++) {
      const reason = this.#entry(row);
      if (reason === undefined) continue;
      this.draft.observer?.skipped?.(this.position + 1, row);
      this.skipped.add(this.#heap.subarray(entries.pathStart(row), entries.pathEnd(row)), reason);
    }
    this.#rows = entries.length;
    this.skipped.finish();
  }

  /** @returns why the entry is skipped, undefined when it is in the tree, or a marker */
  #entry(row: number): string | undefined {
    const { draft, entries } = this;
    const start = entries.pathStart(row);
    const end = entries.pathEnd(row);
    if (start === end) return 'its name is empty';
    const path = this.#path;
    path.parse(this.#heap, start, end);
    if (this.hidesTableMarkers && isTableMarker(path)) return undefined;
    const role = roleOf(path);
    // A whiteout's own name is longer by the prefix than the name it hides.
    const flaw = path.flaw(role === 'whiteout' ? path.count - 1 : path.count);
    if (flaw !== undefined) return flaw;
    if (role === 'malformed') return 'no valid whiteout';
    if (path.count > MAX_PATH_DEPTH)
      return `its path has ${path.count} components, the limit is ${MAX_PATH_DEPTH}`;
    if (role === 'whiteout' || role === 'opaque') {
      draft.observer?.marker?.(path, role);
      return undefined;
    }

    const kind = ENTRY_KINDS.indexOf(entries.kind(row));
    if (path.count === 0) {
      if (kind !== DIRECTORY) return 'not a directory, and names the root';
      draft.setAttributes(draft.root, this.position + 1, row);
      return undefined;
    }
    if (kind === SYMLINK) {
      const target = entries.linkTarget(row);
      if (target.length === 0 || target.length > MAX_LINK_TARGET_LENGTH || target.includes(0)) {
        return `a symlink's target has 1 to ${MAX_LINK_TARGET_LENGTH} bytes and no NUL`;
      }
    }

    // The target comes first: making the parents may replace it (`a` a file, then `a/b` a link to
    // `a`).
    let dentryOfTarget = NONE;
    if (kind === HARD_LINK) {
      const found = this.#findTarget(row);
      if (typeof found === 'string') return found;
      dentryOfTarget = found;
    }
    const inodeOfTarget = dentryOfTarget === NONE ? NONE : draft.dentryInodes[dentryOfTarget]!;

    const parent = role === 'aufs' ? this.#aufsParent(path) : this.#parent(path);
    if (typeof parent === 'string') return parent;

    const last = path.count - 1;
    const nameStart = path.starts[last]!;
    const nameEnd = path.ends[last]!;
    const hash = hashName(this.#heap, nameStart, nameEnd);
    const dentry = draft.find(parent, hash, this.#heap, nameStart, nameEnd);
    let inode = inodeOfTarget;
    if (dentry !== NONE) {
      if (dentry === dentryOfTarget) return 'a hard link to itself';
      const existing = draft.dentryInodes[dentry]!;
      if (kind === DIRECTORY && draft.kinds[existing] === DIRECTORY) {
        draft.setAttributes(existing, this.position + 1, row);
        inode = existing;
      }
    }
    if (inode === NONE) inode = draft.addInode(kind, this.position + 1, row);
    if (kind === DIRECTORY) draft.parents[inode] = parent;
    if (dentry === NONE) draft.link(parent, hash, inode, this.position, nameStart, nameEnd - nameStart);
    else draft.replace(dentry, inode, this.position, nameStart);

    if (kind === DIRECTORY && path === this.#lastPath && this.#known === last) {
      this.#directories[path.count] = inode;
      this.#known = path.count;
    }
    return undefined;
  }

  /**
   * The directory that the entry goes into, made where it is missing; a non-directory in its place
   * is replaced. From here on `path` is the last path.
   */
  #parent(path: PathComponents): number | string {
    const { draft } = this;
    const depth = path.count - 1;
    const shared = Math.min(this.#known, depth, path.commonWith(this.#lastPath));
    this.#path = this.#lastPath;
    this.#lastPath = path;
    let directory = this.#directories[shared]!;
    for (let i = shared; i < depth; i++) {
      const start = path.starts[i]!;
      const end = path.ends[i]!;
      const hash = hashName(this.#heap, start, end);
      const dentry = draft.find(directory, hash, this.#heap, start, end);
      let inode = dentry === NONE ? NONE : draft.dentryInodes[dentry]!;
      if (inode === NONE || draft.kinds[inode] !== DIRECTORY) {
        if (inode !== NONE && draft.kinds[inode] === SYMLINK && this.#isOwn(dentry)) {
          // Behind a link an entry may replace a directory of its own path: nothing is remembered.
          this.#known = 0;
          return this.#parentBehindLinks(path);
        }
        inode = draft.addDirectory(directory, this.position + 1);
        if (dentry === NONE) draft.link(directory, hash, inode, this.position, start, end - start);
        else draft.setInode(dentry, inode);
      }
      directory = inode;
      this.#directories[i + 1] = directory;
    }
    this.#known = depth;
    return directory;
  }

  /** Rule 5: only symlinks of the entry's own layer lead on; others become directories. */
  #parentBehindLinks(path: PathComponents): number | string {
    const found = this.follower.follow(path.views(path.count - 1), (dentry) => this.#isOwn(dentry));
    if (typeof found === 'string') return found;
    return found.missing.reduce((directory, name) => this.#directoryNamed(directory, name), found.directory);
  }

  /** Names of aufs metadata keep their whole path, below a root of their own. */
  #aufsParent(path: PathComponents): number {
    const names = path.views(path.count - 1);
    return names.reduce((directory, name) => this.#directoryNamed(directory, name), this.draft.aufsRoot);
  }

  /** The directory of that name, made if it is missing; a non-directory is replaced. */
  #directoryNamed(parent: number, name: Uint8Array): number {
    const { draft } = this;
    const dentry = draft.findName(parent, name);
    const existing = dentry === NONE ? NONE : draft.dentryInodes[dentry]!;
    if (existing !== NONE && draft.kinds[existing] === DIRECTORY) return existing;
    const inode = draft.addDirectory(parent, this.position + 1);
    if (dentry === NONE) draft.linkCopy(parent, name, inode);
    else draft.setInode(dentry, inode);
    return inode;
  }

  /** A name's bytes lie in the heap of the layer that last made it no directory. */
  #isOwn(symlinkDentry: number): boolean {
    return this.draft.nameHeaps[symlinkDentry] === this.position;
  }

  /** The dentry that a hard link names, in any layer so far; a string says why there is none. */
  #findTarget(row: number): number | string {
    const { draft } = this;
    const target = this.entries.linkTarget(row);
    const path = this.#target;
    path.parse(target, 0, target.length);
    if (path.count === 0) return `a hard link to a directory, ${quoteName(target)}`;
    const last = path.count - 1;
    let directory = roleOf(path) === 'aufs' ? draft.aufsRoot : draft.root;
    for (let i = 0; i < last; i++) {
      const dentry = draft.findComponent(directory, path, i);
      const inode = dentry === NONE ? NONE : draft.dentryInodes[dentry]!;
      if (inode !== NONE && draft.kinds[inode] === DIRECTORY) {
        directory = inode;
      } else if (inode !== NONE && draft.kinds[inode] === SYMLINK) {
        const found = this.follower.follow(path.views(last), () => true);
        if (typeof found === 'string') return `a hard link to ${quoteName(target)}: ${found}`;
        if (found.missing.length > 0) return `a hard link to nothing, ${quoteName(target)}`;
        directory = found.directory;
        break;
      } else {
        return `a hard link to nothing, ${quoteName(target)}`;
      }
    }
    const dentry = draft.findComponent(directory, path, last);
    if (dentry === NONE) return `a hard link to nothing, ${quoteName(target)}`;
    if (draft.kinds[draft.dentryInodes[dentry]!] === DIRECTORY) {
      return `a hard link to a directory, ${quoteName(target)}`;
    }
    return dentry;
  }
}

/** Warnings of one layer that name their entry; the rest is counted: a log must not flood. */
const MAX_WARNINGS_PER_LAYER = 100;

/** Tells which entries of one layer are not shown, and why. */
export class SkippedEntries {
  #count = 0;

  constructor(
    private readonly layerNumber: number,
    private readonly onWarning: ((message: string) => void) | undefined,
  ) {}

  add(path: Uint8Array, reason: string): void {
    if (++this.#count > MAX_WARNINGS_PER_LAYER) return;
    this.onWarning?.(`layer ${this.layerNumber}: skipped ${quoteName(path)}: ${reason}`);
  }

  /** Says how many were left unnamed. */
  finish(): void {
    const unnamed = this.#count - MAX_WARNINGS_PER_LAYER;
    if (unnamed > 0) this.onWarning?.(`layer ${this.layerNumber}: skipped ${unnamed} more entries`);
  }
}
