import type { TreeDifference } from '../../overlay/compare/compare-trees.js';
import { type ComparedView, type ContentDifference, type DiffNames, TEXT_SIZE_MAX } from './comparison.js';
import { isText, unifiedDiff } from './unified-diff.js';

/** Time for the shortest diffs of all files together, and at most for one. */
const SEARCH_MS = 30_000;
const SEARCH_ONE_MS = 1_000;

/** Makes the unified diffs of one comparison. */
export class TextDifferences {
  #searchMs = SEARCH_MS;

  constructor(
    private readonly from: ComparedView,
    private readonly to: ComparedView,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * Compares two files that have different contents, see `Comparison.content`.
   * @throws LayerslayerError as `Layer.read`; the signal's reason
   */
  async of(difference: TreeDifference, names: DiffNames): Promise<ContentDifference> {
    const from = fileOf(this.from, difference.from);
    const to = fileOf(this.to, difference.to);
    if (from.size > TEXT_SIZE_MAX || to.size > TEXT_SIZE_MAX) return { kind: 'large' };
    const old = await from.read(this.signal);
    const text = await to.read(this.signal);
    if (!isText(old) || !isText(text)) return { kind: 'binary' };
    const began = performance.now();
    const searchMs = Math.min(SEARCH_ONE_MS, Math.max(0, this.#searchMs));
    const latin1 = (bytes: Buffer) => bytes.toString('latin1');
    const diff = unifiedDiff(latin1(old), latin1(text), names, { searchMs });
    this.#searchMs -= performance.now() - began;
    return { kind: 'text', text: diff };
  }
}

function fileOf({ view: { tree, byNumber } }: ComparedView, inode: number) {
  const layer = byNumber.get(tree.layerOf(inode))!;
  const size = tree.size(inode);
  return {
    size,
    /** Copies: what a layer returns is valid until the next await. */
    read: async (signal: AbortSignal | undefined) =>
      Buffer.from(size === 0 ? new Uint8Array(0) : await layer.read(tree.rowOf(inode), 0, size, signal)),
  };
}
