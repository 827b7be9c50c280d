import { EntryColumnsBuilder } from '../index/entry-columns-builder.js';
import type { EntryTable } from '../index/entry-table.js';
import { LAYER_LIMITS } from '../index/layer-limits.js';
import { blankEntry } from '../tar/attributes.js';
import { mergeLayers, type NumberedLayer } from './merge.js';
import { joinPath, type Resolved, resolvePath } from './resolve-path.js';
import { ROOT_INODE, type Tree } from './tree.js';

/** Number of the layer that stands for all that are not known. */
const UNKNOWN = 0;

/**
 * What the upper layers of an image say of its merged tree while the lower ones are not known. All that is in their own merged
 * tree is in the whole image's, at the same place: upper entries make directories of whatever lower layers have in
 * their way, and follow the symlinks of their own layer only (rule O5). But for one thing: a hard link whose target
 * is not there may have it in a lower layer, and then stands where something else seemed to be. Then nothing is certain.
 */
export class UpperLayers {
  readonly tree: Tree;
  readonly #layers: readonly NumberedLayer[];
  readonly #isWhole: boolean;
  #hasOpenLinks = false;

  /**
   * @param layers base first, the top one last
   * @param isWhole there are no lower layers
   * @throws LayerslayerError UNSUPPORTED as mergeLayers
   */
  constructor(layers: readonly NumberedLayer[], isWhole: boolean) {
    this.#layers = layers;
    this.#isWhole = isWhole;
    this.tree = mergeLayers(layers, { onSkipped: (number, row) => this.#skipped(number, row) });
  }

  /** False: what `resolve` finds may not be what the whole image has. */
  get isCertain(): boolean {
    return this.#isWhole || !this.#hasOpenLinks;
  }

  resolve(path: readonly Uint8Array[]): Resolved {
    return resolvePath(this.tree, path);
  }

  /**
   * Whether lower layers may still have what was found missing: no whiteout, opaque marker or replaced directory hides it.
   * The merge itself is asked, with a lowest layer that has all of it. Call when `isCertain`.
   * @returns for each in turn
   */
  areOpen(missing: readonly (Resolved & { kind: 'missing' })[]): boolean[] {
    if (this.#isWhole || missing.length === 0) return missing.map(() => false);
    const paths = missing.map(({ names, name }) => [...names, name]);
    const unknown = { entries: filesAt(paths.map(joinPath)), number: UNKNOWN };
    const tree = mergeLayers([unknown, ...this.#layers]);
    return paths.map((path) => shows(tree, path));
  }

  #skipped(number: number, row: number): void {
    const layer = this.#layers.find((one) => one.number === number);
    if (layer?.entries.kind(row) === 'hardlink') this.#hasOpenLinks = true;
  }
}

/** A layer that is nothing but empty files. */
function filesAt(paths: readonly Uint8Array[]): EntryTable {
  const builder = new EntryColumnsBuilder(LAYER_LIMITS);
  for (const path of paths) builder.add({ ...blankEntry(), path });
  return builder.finish();
}

/** Whether the file of the unknown layer is seen. */
function shows(tree: Tree, path: readonly Uint8Array[]): boolean {
  let inode = ROOT_INODE;
  for (const name of path) inode = inode === 0 ? 0 : tree.lookup(inode, name);
  return inode !== 0 && tree.kind(inode) === 'file' && tree.layerOf(inode) === UNKNOWN;
}
