import type { Transferred } from '../../base/thread-rpc.js';
import type { FilterText } from '../../catalog/query/filter-text.js';
import type { GivenLayerIndex, IndexSources } from '../../index/cached-indexes.js';
import type { BuildStep } from '../../oci/build-steps.js';
import type { Digest } from '../../oci/digest.js';
import type { Platform } from '../../oci/platform.js';
import type { PathVersion } from '../../overlay/history/path-versions.js';
import type { GivenSide } from './compared-side.js';
import type { GivenLayer } from './given-layer.js';
import type { GivenTree, GivenView } from './given-view.js';
import type { HiddenColumns } from './hidden-columns.js';
import type { TreeSums } from './tree-sums.js';

/** What `/du` asks for. */
export interface UsageQuestion {
  path: string; // as it was asked for
  depth: number | undefined; // names below the path; default: all
  files: boolean; // rows of files too
  order: 'name' | 'size';
  /** Sums of what upper layers hide; else of what the image shows. */
  hidden: boolean;
  byLayer: boolean; // a row for each layer
  layer: number | undefined; // with `hidden`: whose entries count
  steps: readonly BuildStep[];
  where: string | undefined; // name of the view in messages
  doubt: object; // fields of each record
}

/** What `/find` asks for. */
export interface FindQuestion {
  pattern: string;
  regex: boolean;
  ignoreCase: boolean;
  deleted: boolean; // only what upper layers hide
  filter: FilterText;
}

/** An image, as lines of `/find` name it. */
export interface FoundImage {
  reference: string;
  digest: Digest;
  platform: string;
}

/** What `/find` without an image asks for. */
export interface CacheQuestion extends FindQuestion {
  directory: string; // of the cache, absolute
  sources: IndexSources;
  platform: Platform | undefined; // only images of this one
  layer: number | string | undefined; // only this one's own tree
}

/** What `/diff` asks for. */
export interface DiffQuestion {
  path: string | undefined; // what is compared, with all below it; default: the root
  times: boolean; // modification times count
  content: boolean; // with unified diffs of text files
  doubt: object; // fields of each record
}

/** Asked by the main thread, answered by a thread for one analysis at a time. */
export interface AnalysisMethods {
  /** See `TreeMaker.merge`. Columns are in shared memory. */
  merge(argument: { layers: readonly GivenLayer[] }): Transferred<GivenTree & { bytes: Uint8Array }>;
  /** Columns are in shared memory. */
  loadTree(argument: { fd: number; layers: readonly GivenLayer[] }): GivenTree;
  /** Columns are in shared memory. @param argument.size bytes of the file */
  loadIndex(argument: { fd: number; size: number }): GivenLayerIndex;
  /** Takes the view that the next calls are about. */
  hold(argument: { view: GivenView }): void;
  hidden(argument: object): Transferred<HiddenColumns>;
  /** What one layer of the view hides of those below it. */
  hiddenByLayer(argument: { layer: number }): Transferred<HiddenColumns>;
  sums(argument: object): Transferred<TreeSums>;
  versions(argument: { names: readonly Uint8Array[] }): PathVersion[];
  /** Sums up, and returns the first records. */
  usage(argument: { question: UsageQuestion }): Promise<Records>;
  /** Searches the view, and returns the first records. */
  find(argument: { question: FindQuestion & { image: FoundImage; doubt: object } }): Promise<Records>;
  findInCache(argument: { question: CacheQuestion }): Promise<Records>;
  /** Compares two images, and returns the first records. Asks for bytes: `ComparisonSources`. */
  diff(argument: { from: GivenSide; to: GivenSide; question: DiffQuestion }): Promise<Records>;
  /** Returns the next records of the analysis. */
  next(argument: object): Promise<Records>;
}

export interface Records {
  records: readonly object[];
  isEnd: boolean;
}
