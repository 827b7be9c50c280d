import type { EntryTable } from '#src/index/entry-table.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import type { HidingWay } from '#src/overlay/merge/merge-observer.js';
import { PathComponents } from '#src/overlay/path-components.js';
import { type NumberedLayer, ROOT_INODE, type Tree } from '#src/overlay/tree.js';
import { mayHaveMarkers, roleOf, WHITEOUT_PREFIX_LENGTH } from '#src/overlay/whiteout.js';

/** A name that the layers below `hiddenBy` show and that layer does not, or shows as something else. */
export interface NaiveHiddenEntry {
  /** The tree of the layers below, in which `inode` is what was hidden. */
  tree: Tree;
  inode: number;
  names: readonly Uint8Array[]; // from the root on
  hiddenBy: number;
  how: HidingWay;
}

/**
 * What upper layers hide, by merging each prefix of the layers and comparing each tree with the next:
 * an oracle for `forEachHidden`, with a merge for every layer.
 */
export function naiveForEachHidden(
  layers: readonly NumberedLayer[],
  visit: (hidden: NaiveHiddenEntry) => void,
): void {
  let before: Tree | undefined;
  for (const [i, layer] of layers.entries()) {
    const after = mergeLayers(layers.slice(0, i + 1));
    if (before) compare(before, after, new Markers(layer.entries), layer.number, visit);
    before = after;
  }
}

interface Pair {
  inode: number; // of the tree before
  counterpart: number; // the directory of the same name in the tree after; 0: there is none
  names: readonly Uint8Array[];
}

function compare(
  before: Tree,
  after: Tree,
  markers: Markers,
  hiddenBy: number,
  visit: (hidden: NaiveHiddenEntry) => void,
): void {
  const ahead: Pair[] = [{ inode: ROOT_INODE, counterpart: ROOT_INODE, names: [] }];
  for (let pair = ahead.pop(); pair; pair = ahead.pop()) {
    const { names, counterpart } = pair;
    const below: Pair[] = [];
    for (let at = before.childStart(pair.inode); at < before.childEnd(pair.inode); at++) {
      const inode = before.dentryInode(at);
      const name = before.dentryName(at);
      const other = counterpart === 0 ? 0 : after.lookup(counterpart, name);
      const isDirectory = before.kind(inode) === 'dir';
      const stays =
        other !== 0 && (isDirectory ? after.kind(other) === 'dir' : isSame(before, inode, after, other));
      const path = [...names, name];
      if (!stays && before.rowOf(inode) >= 0) {
        visit({ tree: before, inode, names: path, hiddenBy, how: markers.wayOf(path) });
      }
      // A directory that was hidden and made anew has lost what was in it: that is told by its children.
      if (isDirectory) below.push({ inode, counterpart: stays ? other : 0, names: path });
    }
    ahead.push(...below.reverse());
  }
}

/** Trees number inodes anew; layer and row stay. */
function isSame(before: Tree, inode: number, after: Tree, other: number): boolean {
  return (
    after.kind(other) === before.kind(inode) &&
    after.layerOf(other) === before.layerOf(inode) &&
    after.rowOf(other) === before.rowOf(inode)
  );
}

/** The markers of one layer, by the path that they are for. */
class Markers {
  readonly #whiteouts = new Set<string>();
  readonly #opaque = new Set<string>();

  constructor(entries: EntryTable) {
    if (!mayHaveMarkers(entries.pathHeap)) return;
    const path = new PathComponents();
    for (let row = 0; row < entries.length; row++) {
      path.parse(entries.pathHeap, entries.pathStart(row), entries.pathEnd(row));
      const role = roleOf(path);
      if (role !== 'whiteout' && role !== 'opaque') continue;
      const parent = Array.from({ length: path.count - 1 }, (_, i) => path.view(i));
      if (role === 'opaque') this.#opaque.add(keyOf(parent));
      else
        this.#whiteouts.add(keyOf([...parent, path.view(path.count - 1).subarray(WHITEOUT_PREFIX_LENGTH)]));
    }
  }

  /** The marker nearest to the root counts. */
  wayOf(names: readonly Uint8Array[]): HidingWay {
    if (this.#opaque.size + this.#whiteouts.size === 0) return 'replaced';
    for (let depth = 0; depth < names.length; depth++) {
      if (this.#opaque.has(keyOf(names.slice(0, depth)))) return 'opaque';
      if (this.#whiteouts.has(keyOf(names.slice(0, depth + 1)))) return 'whiteout';
    }
    return 'replaced';
  }
}

/** Names hold no slash, so that no two paths share a key. */
function keyOf(names: readonly Uint8Array[]): string {
  return names.map((name) => Buffer.from(name).toString('latin1')).join('/');
}
