import { asLayerslayerError, type ErrorCode, type LayerslayerError } from '../base/errors.js';
import type { ImageSession } from '../image/image-session.js';
import type { ResolvedImage } from '../image/image-source.js';
import type { Layer } from '../layer/layer.js';
import { shortDigest } from '../oci/digest.js';
import { rowEntry } from './entry-lines.js';
import type { PeekListing } from './peek-listing.js';
import { formatRoundSize, formatSize } from './size.js';

export interface PeekJob {
  session: ImageSession;
  image: ResolvedImage;
  listing: PeekListing;
  headBytes: number | undefined; // of each layer that are read at most
  note(line: string): void;
  failed(error: LayerslayerError): void;
  signal: AbortSignal;
}

/** A fault of one layer, that says nothing of the others. */
const LAYER_FAULTS = new Set<ErrorCode>(['CORRUPT_LAYER', 'UNSUPPORTED', 'DIGEST_MISMATCH', 'NOT_FOUND']);

/**
 * Lists each layer as it is, entry by entry as it comes; a layer that can't be read is told of, and the next one is listed.
 * @throws LayerslayerError what concerns all layers: the registry is gone, a full disk; the signal's reason
 */
export async function peekLayers(job: PeekJob, numbers: readonly number[]): Promise<void> {
  const { image, listing } = job;
  const { layers } = image.manifest;
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
      job.failed(known);
    }
    await listing.flush();
  }
}

async function peekLayer({ session, image, listing, headBytes, note, signal }: PeekJob, number: number) {
  const fields = { layer: number };
  const { size } = image.manifest.layers[number - 1]!;
  const isPartial = headBytes !== undefined && headBytes < size;
  // How much of a layer is listed must not depend on what is kept.
  const kept = isPartial ? undefined : await session.openKept(image, number, signal);
  if (kept) {
    await listRows(listing, kept, fields);
    return;
  }
  let found = 0;
  const end = await session.walkLayer(
    image,
    number,
    {
      onEntry(entry) {
        found++;
        listing.add(entry, entry.path, { fields });
        return false;
      },
      settled: () => listing.flush(),
    },
    { signal, ...(headBytes !== undefined && { headBytes }) },
  );
  if ('layer' in end && !end.isWalked) await listRows(listing, end.layer, fields);
  if ('readBytes' in end) {
    const read = `first ${formatRoundSize(end.readBytes)} of ${formatRoundSize(size)}`;
    await listing.flush();
    note(`layer ${number}: partial: ${read}, ${found} ${found === 1 ? 'entry' : 'entries'}`);
  }
}

/** Rows listed between two looks at whether the reader keeps up. */
const ROWS_AT_ONCE = 1000;

async function listRows(listing: PeekListing, { entries }: Layer, fields: object): Promise<void> {
  for (let row = 0; row < entries.length; row++) {
    const path = entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row));
    listing.add(rowEntry(entries, row), path, { fields });
    if (row % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await listing.flush();
  }
}
