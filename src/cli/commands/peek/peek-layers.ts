import { asLayerslayerError, type ErrorCode, type LayerslayerError } from '../../../base/errors.js';
import type { Layer } from '../../../engine/layer.js';
import type { OpenedImage } from '../../../image/opened-image.js';
import { cleanPath } from '../../../image/paths/asked-path.js';
import { type ListedEntry, listedEntry } from '../../../image/records/entry-record.js';
import { shortDigest } from '../../../oci/digest.js';
import type { SessionUse } from '../../image-session-command.js';
import { countText, formatRoundSize, formatSize } from '../../terminal/wording/size.js';
import { UNVERIFIED } from '../../terminal/wording/uncompared.js';
import { largestRows } from './largest-rows.js';
import type { ListedPaths } from './listed-paths.js';
import type { PeekListing } from './peek-listing.js';

export interface PeekJob extends Pick<SessionUse, 'signal' | 'onProgress'> {
  image: OpenedImage;
  listing: PeekListing;
  listed: ListedPaths;
  headBytes: number | undefined; // cap of what is read of each layer
  largestFirst: boolean; // lists a layer when all of it is known; else each entry as it comes
  note(line: string): void;
  failed(error: LayerslayerError): void;
}

/** Faults of one layer: the next ones can be listed. */
const LAYER_FAULTS = new Set<ErrorCode>(['CORRUPT_LAYER', 'UNSUPPORTED', 'DIGEST_MISMATCH', 'NOT_FOUND']);

/**
 * Lists each layer as it is, each entry as it comes. Reports a layer that can't be read and goes to
 * the next one.
 * @throws LayerslayerError a fault of all layers (no registry, a full disk); the signal's reason
 */
export async function peekLayers(job: PeekJob, numbers: readonly number[]): Promise<void> {
  const { image, listing } = job;
  const { layers } = image.resolved.manifest;
  await seePaths(job, numbers);
  for (const [i, number] of numbers.entries()) {
    const { digest, size } = layers[number - 1]!;
    const heading = `layer ${number}/${layers.length}  ${shortDigest(digest)}  ${formatSize(size)}`;
    listing.heading(i === 0 ? heading : `\n${heading}`);
    await listing.flush();
    try {
      await peekLayer(job, number);
    } catch (error) {
      const known = asLayerslayerError(error);
      await listing.flush(); // what came before the fault
      if (job.signal.aborted || !LAYER_FAULTS.has(known.code)) throw known;
      listing.totals.incomplete(number);
      job.failed(known);
    }
    await listing.flush();
  }
  await listing.total();
}

/** Passes all paths of the layers to `ListedPaths`. The listing reports faults. */
export async function seePaths(job: PeekJob, numbers: readonly number[]): Promise<void> {
  if (!job.listed.isUndecided) return;
  for (const number of numbers) {
    try {
      await readEntries(job, number, {
        entry: (_, path) => job.listed.see(cleanPath(path)),
      });
    } catch (error) {
      if (job.signal.aborted || !LAYER_FAULTS.has(asLayerslayerError(error).code)) throw error;
    }
  }
}

async function peekLayer(job: PeekJob, number: number): Promise<void> {
  const { listing, note } = job;
  let found = 0;
  let doubt = {};
  listing.begin();
  const readBytes = await readEntries(job, number, {
    entry(entry, path) {
      found++;
      listing.add(entry, path, { layer: number, fields: doubt });
    },
    uncompared() {
      doubt = UNVERIFIED;
    },
    restart() {
      found = 0;
      listing.restart();
    },
    settled: () => listing.flush(),
  });
  listing.end();
  if (readBytes === undefined) return;
  const { size } = job.image.resolved.manifest.layers[number - 1]!;
  listing.totals.incomplete(number);
  const read = `first ${formatRoundSize(readBytes)} of ${formatRoundSize(size)}`;
  await listing.flush();
  note(`layer ${number}: partial: ${read}, ${countText(found, 'entry', 'entries')}`);
}

/** Receives the entries of a layer one by one. */
interface EntryReader {
  entry(entry: ListedEntry, path: Uint8Array): void;
  /** The entries come from an index that was not compared with the layer. */
  uncompared?(): void;
  /** All entries come again. */
  restart?(): void;
  settled?(): Promise<void> | undefined;
}

/** @returns bytes read of the layer; undefined if all were wanted */
async function readEntries(
  { image, headBytes, largestFirst, signal, onProgress }: PeekJob,
  number: number,
  reader: EntryReader,
): Promise<number | undefined> {
  const { size } = image.resolved.manifest.layers[number - 1]!;
  const isPartial = headBytes !== undefined && headBytes < size;
  if (largestFirst) {
    const [opened] = await image.layers({ only: [number], signal, onProgress });
    await readRows(reader, opened!.layer, largestRows(opened!.entries));
    return undefined;
  }
  // How much of a layer is listed must not depend on the cache.
  const kept = isPartial ? undefined : await image.cachedLayer(number);
  if (kept) {
    await readRows(reader, kept.layer);
    return undefined;
  }
  const end = await image.scanLayer(
    number,
    {
      onEntry(entry) {
        reader.entry(entry, entry.path);
        return false;
      },
      onRestart: () => reader.restart?.(),
      settled: () => reader.settled?.(),
    },
    { signal, onProgress, headBytes },
  );
  if ('readBytes' in end) return end.readBytes;
  if (!end.isScanned) await readRows(reader, end.layer);
  return undefined;
}

/** Rows between two checks of the reader's backpressure. */
const ROWS_AT_ONCE = 1000;

/** @param order rows; default: as archived */
async function readRows(reader: EntryReader, { entries, origin }: Layer, order?: Uint32Array): Promise<void> {
  if (origin.kind !== 'own') reader.uncompared?.();
  for (let i = 0; i < entries.length; i++) {
    const row = order ? order[i]! : i;
    const path = entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row));
    reader.entry(listedEntry(entries, row), path);
    if (i % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await reader.settled?.();
  }
}
