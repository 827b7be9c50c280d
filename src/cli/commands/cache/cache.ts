import { existsSync } from 'node:fs';
import { asLayerslayerError, LayerslayerError } from '../../../base/errors.js';
import { logTo, SILENT_LOG } from '../../../base/log.js';
import { printable } from '../../../base/text/printable.js';
import { type CacheOptions, ContentStore, type StoredFile } from '../../../cache/content-store.js';
import { CachedImages } from '../../../image/cached/cached-images.js';
import type { Command } from '../../command.js';
import { cachePlace } from '../../options/image-choices.js';
import { usageError } from '../../options/usage-error.js';
import { countText, formatSize } from '../../terminal/size.js';
import { cacheListing, cacheTable } from './cache-listing.js';
import { CACHE } from './declaration.js';

export const cache: Command<typeof CACHE.options> = {
  ...CACHE,
  async run(options, [action], context) {
    const { output } = context;
    const place = cachePlace(options, context);
    if (action === 'ls') {
      const files = await ContentStore.forReading(place.directory, SILENT_LOG).entries();
      const images = new CachedImages(place.directory).images(files);
      const listing = cacheListing(files, images, place);
      if (options.json) output.json(listing, 2);
      else output.result(cacheTable(listing));
      return 0;
    }
    if (action !== 'prune' && action !== 'clear')
      throw usageError(`cache ${action} is not known: want ls, prune or clear`);
    const removed = await shrink(place, action === 'clear' ? 0 : place.capBytes);
    if (options.json) output.json(removed, 2);
    else if (!options.quiet) output.result(shrunkLine(removed));
    return 0;
  },
};

/** @throws LayerslayerError IO_FAILED */
async function shrink({ directory, capBytes }: CacheOptions, toBytes: number) {
  // Do not create a directory only to empty it.
  if (!existsSync(directory)) return { directory, removedFiles: 0, removedBytes: 0, totalBytes: 0 };
  const before = await ContentStore.forReading(directory, SILENT_LOG).entries();
  const faults: string[] = [];
  const log = logTo((level, message) => level === 'warn' && faults.push(message));
  // A store with a cap of 0 touches nothing.
  const store = await ContentStore.open({ directory, capBytes: Math.max(1, capBytes), log });
  try {
    if (faults[0] === undefined) await store.prune(toBytes);
    const after = await store.entries();
    // A store ignores faults, but this command has no other purpose.
    if (faults[0] !== undefined) throw new LayerslayerError('IO_FAILED', faults[0]);
    return {
      directory,
      removedFiles: before.length - after.length,
      removedBytes: sizeOf(before) - sizeOf(after),
      totalBytes: sizeOf(after), // that are left
    };
  } catch (error) {
    const { code, message } = asLayerslayerError(error);
    throw code === 'INTERNAL' ? new LayerslayerError('IO_FAILED', `${directory}: ${message}`) : error;
  } finally {
    await store.close();
  }
}

function sizeOf(files: readonly StoredFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function shrunkLine({
  directory,
  removedFiles,
  removedBytes,
  totalBytes,
}: Awaited<ReturnType<typeof shrink>>): string {
  const files = countText(removedFiles, 'file');
  return printable(
    `${directory}: ${files}, ${formatSize(removedBytes)} removed; ${formatSize(totalBytes)} kept`,
  );
}
