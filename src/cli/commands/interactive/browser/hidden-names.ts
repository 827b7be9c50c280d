import type { EntryTable } from '../../../../index/entry-table.js';
import { forEachHidden, type HiddenEntry } from '../../../../overlay/history/hidden-entries.js';
import { joinPath } from '../../../../overlay/resolve-path.js';
import { type NumberedLayer, ROOT_INODE, type Tree } from '../../../../overlay/tree.js';

type HidingWay = HiddenEntry['how'];

/** A directory, and the hidden names in it. */
interface Group {
  names: readonly Uint8Array[]; // of the directory, from the root
  hidden: number[]; // ascending by name, then by the layer that hides them; what opens is last
}

/** Row of a directory that no entry names. */
const IMPLIED = -1;

/**
 * What upper layers hide, by directory. Columns, and one object a directory: an image may hide a
 * million names.
 */
export class HiddenNames {
  readonly #groups = new Map<string, Group>(); // by the directory's path, as latin1
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
   * @throws LayerslayerError as mergeLayers
   */
  constructor(layers: readonly NumberedLayer[], tree: Tree) {
    forEachHidden(layers, (hidden) => this.#add(hidden, hidden.names));
    this.count = this.#rows.length;
    this.#addImplied(tree);
    for (const group of this.#groups.values()) this.#arrange(group, tree);
  }

  groups(): Iterable<Readonly<Group>> {
    return this.#groups.values();
  }

  /** Returns the hidden names of a directory, in order. */
  in(directory: readonly Uint8Array[]): readonly number[] {
    return this.#groups.get(keyOf(directory))?.hidden ?? [];
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

  #add(entry: Omit<HiddenEntry, 'names'>, names: readonly Uint8Array[]): void {
    const name = names.at(-1)!;
    const group = this.#groupOf(names);
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
    const key = keyOf(directory);
    let group = this.#groups.get(key);
    if (!group) {
      group = { names: directory.map((one) => Buffer.from(one)), hidden: [] };
      this.#groups.set(key, group);
    }
    this.#last = { names: directory, group };
    return group;
  }

  /** Adds directories that no entry names, so that every hidden name has a parent to stand in. */
  #addImplied(tree: Tree): void {
    // A map visits what is added meanwhile: parents of parents.
    for (const { names, hidden } of this.#groups.values()) {
      if (names.length === 0 || hasDirectory(tree, names)) continue;
      const name = names.at(-1)!;
      const isNamed = this.in(names.slice(0, -1)).some(
        (at) => this.#isDirectory(at) && Buffer.compare(this.name(at), name) === 0,
      );
      if (!isNamed) this.#add({ ...this.entry(hidden[0]!), row: IMPLIED }, names);
    }
  }

  /** Sorts a group. The first directory of a path gets what is below it. */
  #arrange({ names, hidden }: Group, tree: Tree): void {
    hidden.sort((a, b) => Buffer.compare(this.name(a), this.name(b)) || a - b);
    let opened: number | undefined;
    for (const at of hidden) {
      if (!this.#isDirectory(at)) continue;
      const name = this.name(at);
      const isFirst = opened === undefined || Buffer.compare(this.name(opened), name) !== 0;
      opened = at;
      this.#opens[at] = isFirst && !hasDirectory(tree, [...names, name]);
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

function keyOf(names: readonly Uint8Array[]): string {
  return joinPath(names).toString('latin1');
}

function hasDirectory(tree: Tree, names: readonly Uint8Array[]): boolean {
  let inode = ROOT_INODE;
  for (const name of names) {
    if (tree.kind(inode) !== 'dir') return false;
    inode = tree.lookup(inode, name);
    if (inode === 0) return false;
  }
  return tree.kind(inode) === 'dir';
}
