import { bytesOfText } from '../../base/text/raw-text.js';
import { type BuildStep, createdBy } from '../../oci/build-steps.js';
import type { PathPattern } from '../../overlay/pattern/path-pattern.js';
import { hasPath, missingPathError, resolvePath } from '../../overlay/resolve-path.js';
import { type HiddenGroup, hiddenGroup, hiddenUsage } from '../../overlay/usage/hidden-usage.js';
import { type UsageOrder, usageRows } from '../../overlay/usage/usage-rows.js';
import { type AskedPath, cleanNames } from '../paths/asked-path.js';
import { findHidden } from '../paths/deletion-hint.js';
import { matchesOf, noMatch, type SearchedView } from '../paths/find-paths.js';
import { layerBytes } from './layer-bytes.js';

/** What upper layers hide of a layer, in one way. */
export interface HiddenBytes extends HiddenGroup {
  bytes: number; // of file contents
  entries: number; // inodes, those of directories too
  addedBy: string | undefined; // the build step of `layer`, if the image says
  removedBy: string | undefined; // that of `hiddenBy`
}

/** The same at and below a path. */
export interface HiddenBelow extends HiddenBytes {
  names: readonly Uint8Array[]; // from the root
}

export interface HiddenReportOptions {
  depth?: number | undefined; // names below PATH; default: all
  files?: boolean | undefined; // rows of files too
  layer?: number | undefined; // only what this layer has; default: all
}

export interface HiddenReport {
  bytes: number; // hidden, at and below PATH
  entries: number;
  /** Bytes of all files' contents in the layers that count, uncompressed, hidden or not. */
  layerBytes: number;
  byLayer: readonly HiddenBytes[]; // ascending by layer, then by `hiddenBy`
  rows(order: UsageOrder): Iterable<HiddenBelow>;
}

/**
 * Sums up what upper layers hide at and below PATH, see `hiddenUsage` of overlay/. PATH need not be
 * in the merged tree: one that a layer deletes is found too.
 * @param view of all layers
 * @throws LayerslayerError NOT_FOUND if no layer has PATH; UNSUPPORTED as mergeLayers
 */
export function hiddenReport(
  view: SearchedView,
  steps: readonly BuildStep[],
  asked: AskedPath,
  options: HiddenReportOptions = {},
): HiddenReport {
  const { layers, tree } = view;
  const paths = hiddenPaths(view, asked);
  const columns = hiddenUsage(layers, tree, { paths, ...options });
  // A pattern may match only what is not hidden: then the answer is 0.
  const matchesNothing =
    columns.starts.length === 0 && matchesOf(asked, { ...view, takesDirectories: true }).length === 0;
  if (matchesNothing) throw noMatch(asked);
  const counted = layers.filter(({ number }) => options.layer === undefined || number === options.layer);
  const described = (group: number, usage: Usage) => {
    const { layer, hiddenBy, how } = hiddenGroup(group);
    const [addedBy, removedBy] = [createdBy(steps, layer), createdBy(steps, hiddenBy)];
    return { layer, hiddenBy, how, ...usage, addedBy, removedBy };
  };
  const byGroup = [...columns.totals()].sort(([a], [b]) => a - b);
  return {
    ...columns.total(),
    layerBytes: layerBytes(counted),
    byLayer: byGroup.map(([group, usage]) => described(group, usage)),
    *rows(order) {
      for (const { names, group, bytes, entries } of usageRows(columns, order))
        yield { names, ...described(group, { bytes, entries }) };
    },
  };
}

type Usage = Pick<HiddenBytes, 'bytes' | 'entries'>;

/** Returns where PATH leads, in the tree or in what is hidden; else its pattern. */
function hiddenPaths(view: SearchedView, asked: AskedPath): readonly Uint8Array[] | PathPattern {
  const { path, names, pattern, text } = asked;
  const { layers, tree } = view;
  const isThere = hasPath(tree, path);
  if (!isThere && pattern && !findHidden(layers, path)) return pattern;
  const resolved = resolvePath(tree, path);
  if (resolved.kind === 'found') return resolved.names;
  if (!isThere && !findHidden(layers, path)) throw missingPathError(resolved, bytesOfText(text));
  // Of a dangling symlink the link itself; of a deleted path what its parents are now.
  const parents = resolvePath(tree, path, 'parents');
  if (parents.kind === 'found') return parents.names;
  return parents.kind === 'missing' ? cleanNames([...parents.names, parents.name, ...parents.rest]) : names;
}
