import { unsupported } from '../../../../../base/errors.js';
import type { EntryTable } from '../../../../../index/entry-table.js';
import { forEachHidden, type HiddenEntry } from '../../../../../overlay/history/hidden-entries.js';
import { HIDDEN_MAX, nameKey } from '../../../../../overlay/history/hidden-tree.js';
import { type NumberedLayer, ROOT_INODE, type Tree } from '../../../../../overlay/tree.js';

type HidingWay = HiddenEntry['how'];

/** A directory with hidden names in it, or on the way to one. */
interface Group {
  parent: Group | undefined; // undefined: the root
  name: Uint8Array;
  children: Map<string, Group>; // by `nameKey`
  inode: number; // in the merged tree; 0: no directory there
  hidden: number[]; // ascending by name, then by the layer that hides them; what opens is last
}

/** A directory and the hidden names in it. */
export interface HiddenGroup {
  names: readonly Uint8Array[]; // of the directory, from the root
  hidden: readonly number[];
}

/** Row of a directory that no entry names. */
const IMPLIED = -1;

/**
 * What upper layers hide, by directory. Columns, and one object a directory: 80 bytes a name, where
 * `hiddenTree` takes 500 (measured). An image may hide a million names, and a browser stays open. A
 * directory has its own name only: a path may have 2,000, each 1,000 deep.
 */
export class HiddenNames {
  readonly #root: Group;
  readonly #groups: Group[] = []; // parents first
  readonly #tables: EntryTable[] = [];
  readonly #layers: number[] = [];
  readonly #rows: number[] = [];
  readonly #hiders: number[] = [];
  readonly #ways: HidingWay[] = [];
  readonly #nameEnds: number[] = [];
  /** Whether what is below the name is shown below this entry. */
  readonly #opens: boolean[] = [];
  #heap = Buffer.alloc(4096);
  /** Hidden entries, without directories that no entry names. */
  readonly count: number;
  /** The directory of the entry before: most stand in the same one. */
  #last: { names: readonly Uint8Array[]; group: Group } | undefined;

  /**
   * Merges the layers again, for what they hide.
   * @param tree of the same layers
   * @throws LayerslayerError as mergeLayers; UNSUPPORTED past HIDDEN_MAX
   */
  constructor(
    layers: readonly NumberedLayer[],
    private readonly tree: Tree,
  ) {
    this.#root = this.#addGroup(undefined, new Uint8Array(0));
    forEachHidden(layers, (hidden) => this.#add(hidden, this.#groupOf(hidden.names), hidden.names.at(-1)!));
    this.count = this.#rows.length;
    this.#addImplied();
    for (const group of this.#groups) this.#arrange(group);
  }

  *groups(): Generator<HiddenGroup> {
    for (const group of this.#groups) yield { names: namesOf(group), hidden: group.hidden };
  }

  /** Returns the hidden names of a directory, in order. */
  in(directory: readonly Uint8Array[]): readonly number[] {
    let group: Group | undefined = this.#root;
    for (const name of directory) group = group?.children.get(nameKey(name));
    return group?.hidden ?? [];
  }

  name(at: number): Uint8Array {
    return this.#heap.subarray(at === 0 ? 0 : this.#nameEnds[at - 1]!, this.#nameEnds[at]!);
  }

  /** @returns `row` -1: a directory that no entry names */
  entry(at: number): { layer: number; entries: EntryTable; row: number; hiddenBy: number; how: HidingWay } {
    return {
      layer: this.#layers[at]!,
      entries: this.#tables[at]!,
      row: this.#rows[at]!,
      hiddenBy: this.#hiders[at]!,
      how: this.#ways[at]!,
    };
  }

  /**
   * Whether hidden names stand below this one: a directory, of several of one path the first.
   * Below a path that is still a directory they stand in that one.
   */
  opens(at: number): boolean {
    return this.#opens[at]!;
  }

  #add(entry: Omit<HiddenEntry, 'names'>, group: Group, name: Uint8Array): void {
    this.#checkCount();
    const start = this.#nameEnds.at(-1) ?? 0;
    while (start + name.length > this.#heap.length)
      this.#heap = Buffer.concat([this.#heap, Buffer.alloc(this.#heap.length)]);
    this.#heap.set(name, start);
    group.hidden.push(this.#rows.length);
    this.#nameEnds.push(start + name.length);
    this.#tables.push(entry.entries);
    this.#layers.push(entry.layer);
    this.#rows.push(entry.row);
    this.#hiders.push(entry.hiddenBy);
    this.#ways.push(entry.how);
    this.#opens.push(false);
  }

  /** Returns the group of a path's directory. */
  #groupOf(names: readonly Uint8Array[]): Group {
    const last = this.#last;
    const depth = names.length - 1;
    if (last?.names.length === depth && last.names.every((name, i) => name === names[i])) return last.group;
    const directory = names.slice(0, -1);
    let group = this.#root;
    for (const name of directory) group = group.children.get(nameKey(name)) ?? this.#addGroup(group, name);
    this.#last = { names: directory, group };
    return group;
  }

  #addGroup(parent: Group | undefined, name: Uint8Array): Group {
    this.#checkCount();
    const inode = parent ? directoryIn(this.tree, parent.inode, name) : ROOT_INODE;
    const group = { parent, name: Buffer.from(name), children: new Map(), inode, hidden: [] };
    parent?.children.set(nameKey(name), group);
    this.#groups.push(group);
    return group;
  }

  #checkCount(): void {
    if (this.#rows.length + this.#groups.length > HIDDEN_MAX)
      throw unsupported(`upper layers hide more than ${HIDDEN_MAX} entries`);
  }

  /** Adds directories that no entry names, so that every hidden name has a parent to stand in. */
  #addImplied(): void {
    const named = new Map<Group, Set<string>>(); // directories of each group that have an entry
    // What is below a directory is known before it.
    for (const group of this.#groups.toReversed()) {
      const { parent, name, inode } = group;
      if (!parent || inode !== 0) continue;
      let siblings = named.get(parent);
      if (!siblings) {
        const directories = parent.hidden.filter((at) => this.#isDirectory(at));
        siblings = new Set(directories.map((at) => nameKey(this.name(at))));
        named.set(parent, siblings);
      }
      if (!siblings.has(nameKey(name)))
        this.#add({ ...this.entry(group.hidden[0]!), row: IMPLIED }, parent, name);
    }
  }

  /** Sorts a group. The first directory of a path gets what is below it. */
  #arrange({ inode, hidden }: Group): void {
    hidden.sort((a, b) => Buffer.compare(this.name(a), this.name(b)) || a - b);
    let opened: number | undefined;
    for (const at of hidden) {
      if (!this.#isDirectory(at)) continue;
      const name = this.name(at);
      const isFirst = opened === undefined || Buffer.compare(this.name(opened), name) !== 0;
      opened = at;
      this.#opens[at] = isFirst && directoryIn(this.tree, inode, name) === 0;
    }
    hidden.sort(
      (a, b) =>
        Buffer.compare(this.name(a), this.name(b)) || Number(this.opens(a)) - Number(this.opens(b)) || a - b,
    );
  }

  #isDirectory(at: number): boolean {
    const row = this.#rows[at]!;
    return row === IMPLIED || this.#tables[at]!.kind(row) === 'dir';
  }
}

function namesOf(group: Group): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let at = group; at.parent; at = at.parent) names.push(at.name);
  return names.reverse();
}

/** Returns the inode of a directory in another one of the tree; 0: there is none. */
function directoryIn(tree: Tree, parent: number, name: Uint8Array): number {
  const inode = parent === 0 ? 0 : tree.lookup(parent, name);
  return inode !== 0 && tree.kind(inode) === 'dir' ? inode : 0;
}
