import { rm } from 'node:fs/promises';
import { LayerslayerError, withContext } from '../../base/errors.js';
import { abortable } from '../../base/tasks/abortable.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import { fsPath } from '../../base/text/raw-text.js';
import type { ImageDocuments, ResolvedImage } from '../../source/image-source.js';
import { type PackedMember, packFiles } from '../../tar/pack-files.js';
import type { SaveTarget } from '../saved-blob.js';
import type { ArchiveOutput } from './archive-output.js';
import type { ArchivedLayer, ArchivePlan } from './archive-plan.js';
import { dockerArchive } from './docker-archive.js';
import { fileParts } from './file-parts.js';
import { ociArchive } from './oci-archive.js';
import { makeSpoolDirectory } from './spool-directory.js';
import type { UnpackRequest } from './unpack-blob.js';

export type { ArchivedLayer };

/** Layers that are fetched or decompressed at once: as many as docker downloads. */
const LAYERS_AT_ONCE = 3;

/** What an archive asks of the threads that fetch and decompress. */
export interface ArchivePorts {
  /** Saves the layer's blob, checked by its digest. @returns its size in bytes */
  save(layer: ArchivedLayer, target: SaveTarget, signal: AbortSignal): Promise<number>;
  /** @returns bytes of the new file; throws as `unpackBlob` */
  unpack(request: UnpackRequest, signal: AbortSignal): Promise<number>;
}

/**
 * Returns what an archive of the image has in it.
 * @param names its tag in a layout, and its full names for docker
 * @throws LayerslayerError as `dockerArchive`
 */
export function planArchive(
  format: 'docker-archive' | 'oci-archive',
  image: ResolvedImage,
  documents: ImageDocuments,
  { tag, repoTags }: { tag: string; repoTags: readonly string[] },
): ArchivePlan {
  if (format === 'oci-archive') return ociArchive(image, documents, tag);
  return dockerArchive(image, documents, repoTags);
}

/**
 * Writes an archive. Each layer is checked as a whole before a byte of it goes into the archive,
 * because stdout can't be taken back. Until then it is a file in the output's directory. A fault of
 * one layer stops the others.
 * @throws LayerslayerError of the first layer that failed, with its number; IO_FAILED of the
 *   output; the signal's reason
 */
export async function writeArchive(
  plan: ArchivePlan,
  output: ArchiveOutput,
  ports: ArchivePorts,
  signal: AbortSignal,
): Promise<void> {
  const spool = makeSpoolDirectory(output);
  try {
    await writeMembers(plan, { output, spool: spool.path, ports }, signal);
  } finally {
    await spool.remove();
  }
}

interface ArchiveJob {
  output: ArchiveOutput;
  spool: string; // path of a directory for layers
  ports: ArchivePorts;
}

async function writeMembers(plan: ArchivePlan, job: ArchiveJob, signal: AbortSignal): Promise<void> {
  const { output } = job;
  const stop = new AbortController();
  const within = AbortSignal.any([signal, stop.signal, output.broken]);
  const atOnce = new Semaphore(LAYERS_AT_ONCE);
  const fetched = plan.layers.map((layer) => {
    const task = atOnce.run(() => fetchLayer(layer, job, within), within);
    task.catch((error) => stop.abort(error)); // `members` throws it when it is the layer's turn
    return task;
  });
  async function* members(): AsyncGenerator<PackedMember> {
    for (const directory of plan.directories) yield { directory };
    const written = new Set<string>();
    for (const [i, { name }] of plan.layers.entries()) {
      const { path, size } = await fetched[i]!;
      if (!written.has(name)) yield { name, size, content: fileParts(path, size, within) };
      written.add(name);
      await removeFile(path); // the disk need not have room for all layers twice
    }
    for (const { name, bytes } of plan.documents) yield { name, size: bytes.length, content: [bytes] };
  }
  try {
    for await (const bytes of packFiles(members())) {
      output.write(bytes);
      await abortable(Promise.resolve(output.flushed()), within);
      within.throwIfAborted();
    }
    await output.commit();
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(fetched);
    throw within.reason; // the first fault, which stopped the others
  }
}

/** Returns the file that goes into the archive. */
async function fetchLayer(
  layer: ArchivedLayer,
  { output: { directory }, spool, ports }: ArchiveJob,
  signal: AbortSignal,
): Promise<{ path: string; size: number }> {
  const { digest, diffId, numbers } = layer;
  const shown = directory;
  const stem = `${spool}/${digest.replace(':', '-')}`;
  const target = { partial: `${stem}.partial`, stem, suffixed: false, isTemporary: true, shown };
  const blob = { path: stem, size: await ports.save(layer, target, signal) };
  // A blob that has its diffId as its digest is not compressed.
  if (diffId === undefined || diffId === digest) return blob;
  const path = `${stem}.tar`;
  try {
    const size = await ports.unpack({ blob, target: path, diffId, shown }, signal);
    await removeFile(stem);
    return { path, size };
  } catch (error) {
    if (signal.aborted || !(error instanceof LayerslayerError)) throw error;
    throw withContext(error, `layer ${numbers.join(', ')}`);
  }
}

async function removeFile(path: string): Promise<void> {
  await rm(fsPath(path), { force: true }).catch(() => {}); // the whole directory is removed at the end
}
