import {
  type CompareTreesOptions,
  compareTrees,
  type TreeDifference,
} from '../../overlay/compare/compare-trees.js';
import { ROOT_INODE } from '../../overlay/tree.js';
import { compareContents } from './compare-contents.js';
import type { ComparedStart, ComparedView, Comparison, ContentProgress } from './comparison.js';
import { ContentPairs } from './content-pairs.js';
import { type PathStart, pathStart } from './path-start.js';
import { sameEntries } from './same-entries.js';

export interface CompareViewsOptions {
  /** The path that is compared, with all below it. Symlinks are followed. Default: the root. */
  path?: string | undefined;
  times?: boolean | undefined; // modification times count; default: they do not
  signal?: AbortSignal | undefined;
  /** Called while contents are read. */
  onProgress?: ContentProgress | undefined;
}

const ROOT: PathStart = { from: ROOT_INODE, to: ROOT_INODE, names: [] };

/**
 * Compares two views of images. Contents that must be read are read before it returns, each layer
 * in the order of its data. What both images have of one layer is not read. A
 * file that can't be read is a difference with an `error`.
 * @throws LayerslayerError NOT_FOUND if neither has the path; INVALID_ARGUMENT; the signal's reason
 */
export async function compareViews(
  one: ComparedView,
  other: ComparedView,
  { path, times = false, signal, onProgress }: CompareViewsOptions = {},
): Promise<Comparison> {
  const start = path === undefined ? ROOT : pathStart(path, one.view, other.view);
  const from: ComparedStart = { ...one, inode: start.from };
  const to: ComparedStart = { ...other, inode: start.to };
  const isSame = sameEntries(one, other);
  const compare = (options: Pick<CompareTreesOptions, 'content' | 'pairsOnly'>) =>
    compareTrees(
      { tree: from.view.tree, inode: from.inode },
      { tree: to.view.tree, inode: to.inode },
      start.names,
      { times, isSame, ...options },
    );
  const pairs = new ContentPairs();
  const gathered = compare({
    pairsOnly: true,
    content(a, b) {
      pairs.add(a, b);
      return 'equal';
    },
  });
  for (const _ of gathered); // for its calls of `content`
  signal?.throwIfAborted();
  await compareContents(pairs, from, to, { signal, onProgress });
  let texts: import('./text-differences.js').TextDifferences | undefined;
  return {
    start: start.names,
    differences: {
      [Symbol.iterator](): Iterator<TreeDifference> {
        let next = 0; // `content` is called in the same order again
        return compare({ content: () => pairs.answer(next++) });
      },
    },
    async content(difference, names) {
      if (!difference.fields.includes('content')) return undefined;
      const { TextDifferences } = await import('./text-differences.js'); // most comparisons do without
      texts ??= new TextDifferences(from, to, signal);
      return texts.of(difference, names);
    },
  };
}
