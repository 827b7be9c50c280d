import type { Transferred } from '../../base/thread-rpc.js';
import type { Columns } from '../../index/entry-columns.js';
import type { BuildStep } from '../../oci/build-steps.js';
import type { Digest } from '../../oci/digest.js';
import type { PathVersion } from '../../overlay/history/path-versions.js';
import type { HiddenColumns } from './hidden-columns.js';
import type { TreeSums } from './tree-sums.js';

/** A layer as a message carries it. */
export interface GivenLayer {
  number: number; // from 1
  hidesTableMarkers: boolean | undefined;
  digest: Digest;
  columns: Columns;
  blobSize: number | undefined; // compressed bytes
}

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

/** Asked by the main thread, answered by a thread for one analysis. */
export interface AnalysisMethods {
  /** @returns the merged tree, as `encodeTree` does */
  merge(argument: { layers: readonly GivenLayer[] }): Promise<Transferred<Uint8Array>>;
  hidden(argument: { layers: readonly GivenLayer[] }): Transferred<HiddenColumns>;
  sums(argument: { layers: readonly GivenLayer[] }): Promise<Transferred<TreeSums>>;
  versions(argument: { layers: readonly GivenLayer[]; names: readonly Uint8Array[] }): PathVersion[];
  /** Sums up, and returns the first records. */
  usage(argument: { layers: readonly GivenLayer[]; question: UsageQuestion }): Promise<Records>;
  /** Returns the next records of the analysis. */
  next(argument: object): Records;
}

export interface Records {
  records: readonly object[];
  isEnd: boolean;
}
