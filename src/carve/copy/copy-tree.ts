import { LayerslayerError } from '../../base/errors.js';
import { OutputStream } from '../../base/output-stream.js';
import { loadFileCalls } from '../../base/system-calls/file-calls.js';
import { shownName } from '../../base/text/quote-name.js';
import type { ImageView } from '../../image/opened-image.js';
import { joinPath } from '../../overlay/resolve-path.js';
import { walkTree } from '../../overlay/walk/walk-tree.js';
import { singleFile } from '../output/single-file.js';
import { type CarvedTree, TreeCarver, type TreeCarverOptions } from '../tree-carver.js';
import { CopiedAttributes } from './copied-attributes.js';
import type { CopyPlace } from './copy-destination.js';
import { CopyDirectory } from './copy-directory.js';

/** One copy to a directory. */
export interface CopyJob extends Pick<TreeCarverOptions, 'failed' | 'settled' | 'signal'> {
  view: Pick<ImageView, 'tree' | 'byNumber'>;
  inode: number;
  names: readonly Uint8Array[]; // of the inode in the image, for messages
  place: CopyPlace;
  force: boolean; // replaces files that are there
  keepsOwner: boolean;
}

export interface Copied {
  carved: CarvedTree | undefined; // undefined: not even its root could be made
  output: string; // path of the copy
  lost: number; // extended attributes that are not kept
  lossReason: string;
}

/**
 * Copies a file, or a directory with all below it. What can't be copied is reported, the rest is.
 * @throws LayerslayerError IO_FAILED if owners should be kept and this user can't; as
 *   `TreeCarver.carve`
 */
export async function copyTree(job: CopyJob): Promise<Copied> {
  const { view, place, force, failed, settled, signal } = job;
  if (job.keepsOwner) checkOwners(job);
  const calls = await loadFileCalls();
  const attributes = new CopiedAttributes(calls, job.keepsOwner);
  const target = new CopyDirectory(place.directory, { force, attributes, calls });
  const carver = new TreeCarver({
    tree: view.tree,
    layers: view.byNumber,
    target,
    failed,
    ...(settled && { settled }),
    ...(signal && { signal }),
  });
  const carved = await carver.carve(job.inode, place.names);
  return {
    carved,
    output: target.display(place.names),
    lost: attributes.lost,
    lossReason: attributes.lossReason,
  };
}

/**
 * Writes a file's content to a device or a FIFO.
 * @param path absolute
 * @param shown the path in messages
 * @returns undefined if nothing was written, or the reader has ended
 * @throws LayerslayerError IO_FAILED; as `TreeCarver.carve`
 */
export async function copyToStream(
  { view, inode, failed, signal }: Pick<CopyJob, 'view' | 'inode' | 'failed'> & { signal: AbortSignal },
  path: string,
  shown: string,
): Promise<CarvedTree | undefined> {
  const stream = await OutputStream.open(path, shown, signal);
  try {
    const carver = new TreeCarver({
      tree: view.tree,
      layers: view.byNumber,
      target: singleFile((bytes) => stream.write(bytes)),
      failed,
      settled: () => stream.flushed(),
      signal: AbortSignal.any([signal, stream.broken]),
    });
    const carved = await carver.carve(inode, []);
    await stream.flushed();
    signal.throwIfAborted();
    stream.broken.throwIfAborted();
    return carved;
  } catch (error) {
    if (!stream.isReaderGone) throw error;
    return undefined;
  } finally {
    stream.close();
  }
}

/** An ordinary user can't give files away: better no copy than one fault for each file. */
function checkOwners({ view: { tree }, inode, names }: CopyJob): void {
  const [user, group] = [process.geteuid!(), process.getegid!()];
  if (user === 0) return;
  const groups = new Set([group, ...process.getgroups!()]);
  for (const step of walkTree(tree, { inode, names })) {
    const [uid, gid] = [tree.uid(step.inode), tree.gid(step.inode)];
    if (uid === user && groups.has(gid)) continue;
    const path = shownName(joinPath(step.names));
    const message = `keeping owners needs root: ${path} is of ${uid}:${gid}, this user is ${user}:${group}`;
    throw new LayerslayerError('IO_FAILED', message);
  }
}
