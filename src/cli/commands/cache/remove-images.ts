import { LayerslayerError, toErrorRecord } from '../../../base/errors.js';
import { SILENT_LOG } from '../../../base/log.js';
import { printable } from '../../../base/text/printable.js';
import { type CacheOptions, ContentStore, type StoredFile } from '../../../cache/content-store.js';
import { planRemoval, type Removal, type RemovedImage } from '../../../image/cached/removal.js';
import { imageArgument } from '../../../surroundings/image-argument.js';
import { oneSlipAway } from '../../command-line/one-slip.js';
import { EXIT_STATUS } from '../../process/exit-status.js';
import type { Output } from '../../terminal/output/output.js';
import { countText } from '../../terminal/wording/size.js';
import { changeStore, nothingRemoved, type RemovedFiles, sizeOf } from './change-store.js';
import { shrunkLine } from './shrink.js';

const NOTHING_PLANNED: Removal = { files: [], images: [], missing: [], references: [] };

/** References in the message about one that is not cached. */
const NEAREST_MAX = 3;

/**
 * Removes what the cache has of images, and of no other.
 * @returns the exit status: NOT_FOUND if one is not cached. The others are removed
 * @throws LayerslayerError INVALID_REFERENCE, before anything is removed; IO_FAILED
 */
export async function removeImages(
  words: readonly string[],
  { directory }: CacheOptions,
  { output, cwd, isQuiet }: { output: Output; cwd: string; isQuiet: boolean },
): Promise<number> {
  const references = [...new Set(words.map((word) => imageArgument(word, cwd).reference))];
  const { plan, files } = await remove(directory, references);
  if (output.choices.json) output.json({ images: plan.images, ...files }, 2);
  else if (!isQuiet) {
    for (const image of plan.images) output.result(removedLine(image));
    if (plan.images.length > 0) output.result(shrunkLine(files));
  }
  for (const reference of plan.missing) output.error(toErrorRecord(notCached(reference, plan.references)));
  return plan.missing.length > 0 ? EXIT_STATUS.NOT_FOUND : 0;
}

async function remove(
  directory: string,
  references: readonly string[],
): Promise<{ plan: Removal; files: RemovedFiles }> {
  const reading = ContentStore.forReading(directory, SILENT_LOG, { isUse: false });
  // Removes no more than asked for: another command may have a larger cap.
  const place = { directory, capBytes: Number.MAX_SAFE_INTEGER };
  const removed = await changeStore(place, async (store) => {
    let plan = NOTHING_PLANNED;
    const gone = await store.removeFiles((files: readonly StoredFile[]) => {
      plan = planRemoval(reading, files, references);
      return plan.files;
    });
    const files = {
      removedFiles: gone.length,
      removedBytes: sizeOf(gone),
      totalBytes: sizeOf(await store.entries()),
    };
    return { plan, files: { directory, ...files } };
  });
  if (removed) return removed;
  return { plan: { ...NOTHING_PLANNED, missing: [...references] }, files: nothingRemoved(directory) };
}

function removedLine({ reference, platform, layers, keptLayers }: RemovedImage): string {
  const kept = keptLayers === 0 ? '' : `, ${keptLayers} kept for other images`;
  return printable(`${reference} (${platform}): removed; ${countText(layers, 'layer')}${kept}`);
}

function notCached(reference: string, cached: readonly string[]): LayerslayerError {
  const near = nearest(reference, cached).slice(0, NEAREST_MAX);
  const advice = near.length > 0 ? ` (cached: ${near.join(', ')})` : '';
  return new LayerslayerError('NOT_FOUND', `not in the cache: ${reference}${advice}`);
}

/** Returns images of the same repository or layout, else one that differs by a letter. */
function nearest(reference: string, cached: readonly string[]): string[] {
  const repositoryOf = (text: string) => text.split(/:[^/]*$|@/)[0];
  const siblings = cached.filter((one) => repositoryOf(one) === repositoryOf(reference)).sort();
  return siblings.length > 0 ? siblings : [oneSlipAway(reference, cached) ?? []].flat();
}
