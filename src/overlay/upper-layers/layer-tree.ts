import type { EntryTable } from '../../index/entry-table.js';
import { DIRECTORY, type DraftTree, NONE } from '../merge/draft-tree.js';
import type { LayerWriter } from '../merge/layer-writer.js';
import { draftOf } from '../merge/merge.js';
import type { MergeObserver } from '../merge/merge-observer.js';
import { childKey, type PathComponents } from '../path-components.js';
import type { NumberedLayer } from '../tree.js';
import { WHITEOUT_PREFIX_LENGTH } from '../whiteout.js';

/**
 * What one layer, or some that lie on each other, do to any layers below: their own tree, and what
 * they hide. Paths are keys: components joined by slashes, as latin1.
 */
export class LayerTree implements MergeObserver {
  draft!: DraftTree;
  /** Paths that they have whiteouts for. */
  readonly whiteouts = new Set<string>();
  /** Directories whose lower contents they hide. */
  readonly opaque = new Set<string>();
  /** Draft directories that replaced something else: they hide it, and so all that is below it. */
  readonly closed = new Set<number>();
  /** A hard link has no target here: lower layers may have it. */
  hasOpenLinks = false;
  readonly #writer: LayerWriter | undefined;

  /**
   * @param layers base first
   * @param maxBytes memory that it may take
   * @throws LayerslayerError UNSUPPORTED as mergeLayers
   */
  constructor(layers: readonly NumberedLayer[], maxBytes?: number) {
    const observe = (draft: DraftTree) => {
      this.draft = draft;
      return this;
    };
    this.#writer = draftOf(layers, { observe }, maxBytes).writer;
  }

  /** Takes more rows of its only layer, which is still being read. */
  extend(entries: EntryTable): void {
    this.draft.extend(0, entries);
    this.#writer?.apply(entries);
  }

  marker(path: PathComponents, role: 'whiteout' | 'opaque'): void {
    const last = path.count - 1;
    const directory = path.key(last);
    if (role === 'opaque') this.opaque.add(directory);
    else this.whiteouts.add(childKey(directory, path.view(last).subarray(WHITEOUT_PREFIX_LENGTH)));
  }

  taken(dentry: number, inode: number): void {
    const { kinds, dentryInodes } = this.draft;
    const isDirectory = inode !== NONE && kinds[inode] === DIRECTORY;
    if (isDirectory && kinds[dentryInodes[dentry]!] !== DIRECTORY) this.closed.add(inode);
  }

  skipped(layer: number, row: number): void {
    if (this.draft.tables[layer - 1]!.kind(row) === 'hardlink') this.hasOpenLinks = true;
  }
}
