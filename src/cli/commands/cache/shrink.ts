import { SILENT_LOG } from '../../../base/log.js';
import { printable } from '../../../base/text/printable.js';
import { type CacheOptions, ContentStore } from '../../../cache/content-store.js';
import { countText, formatSize } from '../../terminal/wording/size.js';
import { changeStore, nothingRemoved, type RemovedFiles, sizeOf } from './change-store.js';

/**
 * Evicts until the cache takes at most `toBytes`.
 * @throws LayerslayerError IO_FAILED
 */
export async function shrink({ directory, capBytes }: CacheOptions, toBytes: number): Promise<RemovedFiles> {
  // Opening the store evicts already.
  const before = await ContentStore.forReading(directory, SILENT_LOG).entries();
  const removed = await changeStore({ directory, capBytes }, async (store) => {
    await store.prune(toBytes);
    const after = await store.entries();
    return {
      directory,
      removedFiles: before.length - after.length,
      removedBytes: sizeOf(before) - sizeOf(after),
      totalBytes: sizeOf(after),
    };
  });
  return removed ?? nothingRemoved(directory);
}

export function shrunkLine({ directory, removedFiles, removedBytes, totalBytes }: RemovedFiles): string {
  const files = countText(removedFiles, 'file');
  return printable(
    `${directory}: ${files}, ${formatSize(removedBytes)} removed; ${formatSize(totalBytes)} kept`,
  );
}
