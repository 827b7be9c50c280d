import { existsSync } from 'node:fs';
import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { logTo, SILENT_LOG } from '../../base/log.js';
import { printable } from '../../base/text/printable.js';
import { type CacheOptions, ContentStore, type StoredFile } from '../../cache/content-store.js';
import { cacheListing, cacheTable } from '../cache-listing.js';
import type { Command } from '../command.js';
import { cachePlace } from '../image-choices.js';
import { COMMON_OPTIONS, IMAGE_OPTIONS } from '../image-options.js';
import type { OptionTable } from '../option-table.js';
import { countText, formatSize } from '../size.js';
import { usageError } from '../usage-error.js';

const OPTIONS = {
  'cache-dir': IMAGE_OPTIONS['cache-dir'],
  'cache-size': { ...IMAGE_OPTIONS['cache-size'], summary: 'what `prune` leaves at most, the cap else' },
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

export const cache: Command<typeof OPTIONS> = {
  name: 'cache',
  summary: 'what is kept on disk; prune, clear',
  synopsis: 'cache [OPTIONS] ls|prune|clear',
  description:
    'ls     lists what is kept of layers, and how much there is in all\n' +
    'prune  removes what was not used for longest, indexes last, until --cache-size is kept to\n' +
    'clear  removes everything but the notes which indexes were refuted; mounts continue, and fetch again what they need',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'ls|prune|clear', each: [{ choices: ['ls', 'prune', 'clear'] }] },
  examples: ['layerslayer cache ls', 'layerslayer cache prune --cache-size 1GiB'],
  failures: ['IO_FAILED'],
  async run(options, [action], context) {
    const { output } = context;
    const place = cachePlace(options, context);
    if (action === 'ls') {
      const files = await ContentStore.forReading(place.directory, SILENT_LOG).entries();
      const listing = cacheListing(files, place);
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
