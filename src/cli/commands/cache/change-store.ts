import { asLayerslayerError, LayerslayerError } from '../../../base/errors.js';
import { logTo } from '../../../base/log.js';
import { type CacheOptions, ContentStore, type StoredFile } from '../../../cache/content-store.js';

/** What a command has removed from the cache. */
export interface RemovedFiles {
  directory: string;
  removedFiles: number;
  removedBytes: number;
  totalBytes: number; // that are left
}

export function nothingRemoved(directory: string): RemovedFiles {
  return { directory, removedFiles: 0, removedBytes: 0, totalBytes: 0 };
}

/**
 * Opens the cache to remove files. A store ignores faults, but these commands do nothing else.
 * @returns what the task returns; undefined if the directory holds no cache. None is made only to
 *   empty it
 * @throws LayerslayerError IO_FAILED
 */
export async function changeStore<T>(
  { directory, capBytes }: CacheOptions,
  task: (store: ContentStore) => Promise<T>,
): Promise<T | undefined> {
  if (!ContentStore.isThere(directory)) return undefined;
  const faults: string[] = [];
  const log = logTo((level, message) => level === 'warn' && faults.push(message));
  const check = () => {
    if (faults[0] !== undefined) throw new LayerslayerError('IO_FAILED', faults[0]);
  };
  // A store with a cap of 0 touches nothing.
  const store = await ContentStore.open({ directory, capBytes: Math.max(1, capBytes), log });
  try {
    check();
    const done = await task(store);
    check();
    return done;
  } catch (error) {
    const { code, message } = asLayerslayerError(error);
    throw code === 'INTERNAL' ? new LayerslayerError('IO_FAILED', `${directory}: ${message}`) : error;
  } finally {
    await store.close();
  }
}

export function sizeOf(files: readonly StoredFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
