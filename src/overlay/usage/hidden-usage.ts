import type { EntryTable } from '../../index/entry-table.js';
import { forEachHidden } from '../history/hidden-entries.js';
import type { HidingWay } from '../merge/merge-observer.js';
import { PathPattern } from '../pattern/path-pattern.js';
import { type NumberedLayer, ROOT_INODE, type Tree } from '../tree.js';
import { HiddenPlaces } from './hidden-places.js';
import { matchedPaths, onePath } from './selected-paths.js';
import { NONE, UsageColumns } from './usage-columns.js';

/** What is counted together: entries of one layer that another one hides in one way. */
export interface HiddenGroup {
  layer: number;
  hiddenBy: number;
  how: HidingWay;
}

export interface HiddenUsageOptions {
  /** Names from the root, without `.` and `..`, or a pattern. They need not be in the tree. */
  paths: readonly Uint8Array[] | PathPattern;
  /** Rows of paths with at most so many names below their start. Default: all. */
  depth?: number | undefined;
  /** Rows of files too. Default: only of directories and of the starts. */
  files?: boolean | undefined;
  /** The layer whose entries are counted. Default: all. */
  layer?: number | undefined;
}

const WAYS: readonly HidingWay[] = ['whiteout', 'opaque', 'replaced'];

/** Bits of a number of a layer (LAYERS_MAX), and of a way. */
const LAYER_BITS = 11;
const WAY_BITS = 2;

/** Groups ascend by layer, then by the layer that hides it. */
const groupNumber = ({ layer, hiddenBy, how }: HiddenGroup) =>
  (((layer << LAYER_BITS) | hiddenBy) << WAY_BITS) | WAYS.indexOf(how);

const hiderOf = (group: number) => (group >> WAY_BITS) & ((1 << LAYER_BITS) - 1);

/** Returns what the number of a group in the columns of `hiddenUsage` stands for. */
export function hiddenGroup(group: number): HiddenGroup {
  const layer = group >> (LAYER_BITS + WAY_BITS);
  return { layer, hiddenBy: hiderOf(group), how: WAYS[group & ((1 << WAY_BITS) - 1)]! };
}

/**
 * Sums up what an image carries for nothing: bytes of file contents in its layers that upper layers
 * hide or replace. An inode counts when all its names are hidden, once, at the name that was hidden
 * last. A sparse file counts with the data that its layer has. What a later entry of the same layer
 * replaces is not counted.
 *
 * dive's "wasted space" is another number: it adds up all versions of a path that several layers
 * have, with the one that is shown, and has nothing of a directory that is removed whole.
 * @param layers of an image, all of them, base first
 * @param tree merged from them
 * @returns groups are numbers for `hiddenGroup`
 * @throws LayerslayerError as mergeLayers
 */
export function hiddenUsage(
  layers: readonly NumberedLayer[],
  tree: Tree,
  options: HiddenUsageOptions,
): UsageColumns {
  const { paths, depth = Number.POSITIVE_INFINITY, files = false, layer: only } = options;
  const selected = paths instanceof PathPattern ? matchedPaths(paths) : onePath(paths);
  const columns = new UsageColumns();
  const places = new HiddenPlaces(columns, { selected, depth, files });
  const byLayer = new Map(layers.map(({ number, entries }) => [number, new LayerRows(entries)]));
  for (let inode = ROOT_INODE; inode <= tree.inodeCount; inode++)
    byLayer.get(tree.layerOf(inode))?.show(tree.rowOf(inode));

  forEachHidden(layers, ({ layer, entries, row, names, hiddenBy, how }) => {
    const rows = byLayer.get(layer)!;
    if (rows.isShown(row) || (only !== undefined && only !== layer)) return;
    // Of the names that one layer hides, the first that is asked for counts.
    if (rows.nodes[row] !== NONE && hiderOf(rows.groups[row]!) === hiddenBy) return;
    rows.nodes[row] = places.nodeAt(names, entries.kind(row) === 'dir');
    rows.groups[row] = groupNumber({ layer, hiddenBy, how });
  });
  for (const rows of byLayer.values()) rows.countIn(columns);
  columns.sumUp();
  return columns;
}

/** Which rows of a layer the image shows, and where and by what the others are hidden. */
class LayerRows {
  readonly nodes: Int32Array; // NONE: not asked for, or not hidden
  readonly groups: Uint32Array; // of rows that have a node
  readonly #isShown: Uint8Array;

  constructor(private readonly entries: EntryTable) {
    this.nodes = new Int32Array(entries.length).fill(NONE);
    this.groups = new Uint32Array(entries.length);
    this.#isShown = new Uint8Array(entries.length);
  }

  /** @param row -1 is the row of no entry */
  show(row: number): void {
    if (row >= 0) this.#isShown[row] = 1;
  }

  isShown(row: number): boolean {
    return this.#isShown[row] === 1;
  }

  countIn(columns: UsageColumns): void {
    const { entries } = this;
    for (let row = 0; row < entries.length; row++) {
      const node = this.nodes[row]!;
      if (node === NONE) continue;
      columns.add(node, this.groups[row]!, entries.kind(row) === 'file' ? entries.storedSize(row) : 0, 1);
    }
  }
}
