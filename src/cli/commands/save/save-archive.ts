import { resolve } from 'node:path';
import type { Descriptor } from '../../../oci/descriptor.js';
import type { Digest } from '../../../oci/digest.js';
import {
  type ArchiveOutput,
  openArchiveFile,
  openArchiveStream,
} from '../../../save/archive/archive-output.js';
import { type ArchivedLayer, planArchive, writeArchive } from '../../../save/archive/image-archive.js';
import type { SaveOutcome, SaveTarget } from '../../../save/saved-blob.js';
import type { CommandContext } from '../../command.js';
import type { SessionUse } from '../../image-session-command.js';
import { imageName, repoTags } from './image-name.js';
import type { SaveDestination } from './save-destination.js';
import { type SaveSummary, saveFault } from './save-results.js';

type ArchiveDestination = Extract<SaveDestination, { kind: 'archive' | 'stream' }>;

/**
 * Saves the command's image as an archive.
 * @throws LayerslayerError of the first layer that failed
 */
export async function saveArchive(
  destination: ArchiveDestination,
  use: SessionUse,
  context: CommandContext,
): Promise<Pick<SaveSummary, 'image' | 'outcomes' | 'place'> & { isStream: boolean }> {
  const output = await openOutput(destination, use.signal, context);
  try {
    const { session, signal, onProgress, display } = use;
    const { resolved: image } = await use.open();
    const { tag } = imageName(image.reference);
    const names = { tag, repoTags: repoTags(image.reference) };
    const plan = planArchive(destination.format, image, await session.documents(image, signal), names);
    const save = async (layer: ArchivedLayer, target: SaveTarget, stopped: AbortSignal) => {
      const options = { only: layer.numbers, signal: stopped, onProgress };
      const [outcome] = await session.saveLayers(image, () => target, options);
      const fault = saveFault(outcome!);
      if (fault) throw fault;
      return outcome!.size;
    };
    const unpack: typeof session.unpackBlob = (request, stopped) => session.unpackBlob(request, stopped);
    await writeArchive(plan, output, { save, unpack }, signal);
    if (destination.format === 'oci-archive' && plan.digest !== image.digest)
      display.say(`its manifest is docker's: converted to OCI, as ${plan.digest}`);
    const path = destination.kind === 'archive' ? resolve(context.cwd, destination.file) : '-';
    return {
      image,
      outcomes: outcomesIn(path, image.manifest.layers),
      place: placeOf(destination, tag),
      isStream: output.isStream,
    };
  } finally {
    await output.close();
  }
}

async function openOutput(
  destination: ArchiveDestination,
  signal: AbortSignal,
  context: CommandContext,
): Promise<ArchiveOutput> {
  if (destination.kind === 'archive') {
    return openArchiveFile(resolve(context.cwd, destination.file), { force: destination.force, signal });
  }
  const { output } = context;
  return openArchiveStream({
    broken: output.broken,
    write: (bytes) => output.bytes(bytes),
    flushed: () => output.flushed(),
  });
}

function placeOf(destination: ArchiveDestination, tag: string): string {
  if (destination.kind === 'stream')
    return `${destination.format === 'oci-archive' ? 'an' : 'a'} ${destination.format} on stdout`;
  const { format, file } = destination;
  return format === 'oci-archive' ? `${format}:${file}:${tag}` : `${format}:${file}`;
}

/** For the report: each layer is in the one file. */
function outcomesIn(path: string, layers: readonly Descriptor[]): SaveOutcome[] {
  const numbers = new Map<Digest, number[]>();
  for (const [i, { digest }] of layers.entries())
    numbers.set(digest, [...(numbers.get(digest) ?? []), i + 1]);
  return [...numbers].map(([digest, of]) => {
    const { size } = layers[of[0]! - 1]!;
    return { layers: of, digest, size, result: { path, how: 'saved' } };
  });
}
