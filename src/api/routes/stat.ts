import { z } from '@hono/zod-openapi';
import { bytesOfText } from '../../base/text/raw-text.js';
import type { ImageView } from '../../image/opened-image.js';
import { IMPLIED_DIRECTORY, nameFields, placedRecord, shownEntry } from '../../image/records/entry-record.js';
import { type BuildStep, createdBy } from '../../oci/build-steps.js';
import type { PathVersion } from '../../overlay/history/path-versions.js';
import { joinPath, missingPathError, resolvePath, splitPath } from '../../overlay/resolve-path.js';
import { fileVersions } from '../analysis/file-versions.js';
import {
  firstVersion,
  HIDING_WAYS,
  type HiddenColumns,
  type HidingWay,
  hiddenNodeAt,
  NO_NODE,
} from '../analysis/hidden-columns.js';
import { hiddenPath } from '../analysis/hidden-path.js';
import { doubtOf, type EntryFields, hiddenRecord, liveRecord } from '../answers/entries.js';
import { pathsOfInode } from '../answers/inode-names.js';
import { type ViewedImage, withView } from '../images/with-view.js';
import { type Call, type Reply, type Route, route } from '../routing/route.js';
import { MISSING, STAT } from '../schemas/entry.js';
import {
  FLAG_PARAMETER,
  IMAGE_PARAMETERS,
  LAYER_PARAMETER,
  PATH_PARAMETER,
  WAIT_PARAMETER,
} from '../schemas/parameters.js';
import { PENDING } from '../schemas/progress.js';
import type { ServerState } from '../server-state.js';

const QUERY = z.strictObject({
  ...IMAGE_PARAMETERS,
  path: PATH_PARAMETER,
  layer: LAYER_PARAMETER,
  missing: FLAG_PARAMETER.openapi({ description: 'where nothing is, answer `{missing: true}`, and no 404' }),
  wait: WAIT_PARAMETER,
});

/** Names of an inode that are listed. */
const NAMES_MAX = 100;

/** Hidden entries of one path that are listed: each layer may have one. */
const HIDES_MAX = 2_000;

export function statRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/stat',
      summary: 'a path: its entry, what that hides, or what hides it, and each version through the layers',
      query: QUERY,
      answers: {
        200: {
          description: 'the path',
          content: [{ mediaType: 'application/json', schema: z.union([STAT, MISSING]) }],
        },
        202: {
          description: 'not indexed yet',
          content: [{ mediaType: 'application/json', schema: PENDING }],
        },
      },
      handle: (call) => withView(state, call, (viewed) => answer(state, viewed, call)),
    }),
  ];
}

async function answer(
  { facts }: ServerState,
  { view, lease }: ViewedImage,
  { query, signal }: Call<z.output<typeof QUERY>>,
): Promise<Reply> {
  const { opened } = lease;
  const { steps, resolved } = opened;
  const { tree } = view;
  const hidden = await facts.hidden(view, signal);
  const sums = await facts.sums(view, signal);
  const bytes = bytesOfText(query.path);
  const asked = splitPath(bytes);
  const found = resolvePath(tree, asked, 'parents');
  const gone = found.kind === 'found' ? undefined : hiddenPath(view, hidden, asked);
  if (found.kind !== 'found' && !gone) {
    if (query.missing) return missingReply(resolved.digest);
    throw missingPathError(found, bytes);
  }
  const names = found.kind === 'found' ? found.names : gone!.names;
  const older = hiddenRecords(view, hidden, names);
  const inode = found.kind === 'found' ? found.inode : 0;
  const entry = inode === 0 ? older.shift()! : liveRecord(view, inode, names, sums);
  const tables = new Map(view.layers.map(({ number, entries }) => [number, entries]));
  const live = inode === 0 ? undefined : { layer: tree.layerOf(inode), row: tree.rowOf(inode) };
  const versions =
    fileVersions({ tables, hidden, live }, names) ?? (await facts.versions(view, names, signal));
  const step = createdBy(steps, entry.layer as number);
  const hiddenStep = inode === 0 ? createdBy(steps, entry.hiddenBy as number) : undefined;
  const body = {
    digest: resolved.digest,
    entry,
    ...(step !== undefined && { step }),
    ...(hiddenStep !== undefined && { hiddenStep }),
    ...(inode > 0 && tree.kind(inode) === 'symlink' && linkFields(view, names)),
    nlink: inode === 0 ? 0 : tree.nlink(inode),
    names: otherNames(view, inode, names),
    hides: older,
    versions: versionRecords({ view, hidden, names, steps }, versions),
  };
  return { kind: 'json', body, headers: { 'Cache-Control': 'no-cache' } };
}

/** A browser logs each 404. To ask whether one layer has a path is no fault. */
function missingReply(digest: string): Reply {
  return { kind: 'json', body: { digest, missing: true }, headers: { 'Cache-Control': 'no-cache' } };
}

/** The hidden entries of a path, the one that was hidden last first. */
function hiddenRecords(view: ImageView, hidden: HiddenColumns, names: readonly Uint8Array[]): EntryFields[] {
  const node = hiddenNodeAt(hidden, names);
  if (node === NO_NODE) return [];
  const { versionStarts } = hidden;
  const [first, end] = [versionStarts[node]!, versionStarts[node + 1]!];
  const records: EntryFields[] = [];
  for (let version = first; version < end && records.length < HIDES_MAX; version++)
    records.push(hiddenRecord(view, hidden, { version, isImplied: false }, names));
  if (records.length > 0) return records;
  // A directory that only what is hidden below it implies.
  const isLive = resolvePath(view.tree, names, 'none').kind === 'found';
  return isLive
    ? []
    : [hiddenRecord(view, hidden, { version: firstVersion(hidden, node), isImplied: true }, names)];
}

function linkFields({ tree }: ImageView, names: readonly Uint8Array[]): object {
  const end = resolvePath(tree, names);
  if (end.kind !== 'found') return {};
  return { leadsTo: { ...nameFields('path', joinPath(end.names)), kind: tree.kind(end.inode) } };
}

function otherNames({ tree }: ImageView, inode: number, names: readonly Uint8Array[]): object[] {
  if (inode === 0 || tree.kind(inode) === 'dir' || tree.nlink(inode) < 2) return [];
  const own = joinPath(names);
  const others = pathsOfInode(tree, inode, NAMES_MAX + 1).filter((path) => !own.equals(path));
  return others.slice(0, NAMES_MAX).map((path) => nameFields('path', path));
}

interface VersionContext {
  view: ImageView;
  hidden: HiddenColumns;
  names: readonly Uint8Array[];
  steps: readonly BuildStep[];
}

function versionRecords(context: VersionContext, versions: readonly PathVersion[]): object[] {
  const { view, steps } = context;
  return versions.map((version, i) => {
    const { layer, entry } = version;
    const isThere = versions[i - 1]?.entry !== undefined;
    const step = createdBy(steps, layer);
    return {
      layer,
      layerDigest: view.byNumber.get(layer)!.digest,
      change: entry === undefined ? 'removed' : isThere ? 'changed' : 'added',
      ...(step !== undefined && { step }),
      ...(entry && { entry: versionEntry(context, version, versions[i + 1]) }),
    };
  });
}

/** @param next version of the path, if there is one */
function versionEntry(
  { view, hidden, names }: VersionContext,
  { entry }: PathVersion,
  next: PathVersion | undefined,
): EntryFields {
  const { layer, row } = entry!;
  const { digest, entries } = view.byNumber.get(layer)!;
  const how = next && (next.entry ? 'replaced' : hidingWay(hidden, hiddenNodeAt(hidden, names), next.layer));
  const place = { layer, layerDigest: digest, hidden: next && { hiddenBy: next.layer, how: how! } };
  const shown = row < 0 ? IMPLIED_DIRECTORY : shownEntry(entries, row);
  return placedRecord(shown, joinPath(names), place, doubtOf(view));
}

/** Returns how a layer took a path away. A directory that no entry names went with its children. */
function hidingWay(
  { versionStarts, childStarts, childEnds, hiders, hows }: HiddenColumns,
  node: number,
  hiddenBy: number,
): HidingWay {
  if (node === NO_NODE) return 'whiteout';
  const own = [versionStarts[node]!, versionStarts[node + 1]!] as const;
  const children = [versionStarts[childStarts[node]!]!, versionStarts[childEnds[node]!]!] as const;
  for (const [first, end] of [own, children])
    for (let version = first; version < end; version++)
      if (hiders[version] === hiddenBy) return HIDING_WAYS[hows[version]!]!;
  return 'whiteout';
}
