import { asLayerslayerError, LayerslayerError } from '../../../base/errors.js';
import type { Blob } from '../../../blob/blob.js';
import { type Digest, digestOf, shortDigest } from '../../../oci/digest.js';
import { readTable, readZtoc, type TableRead } from '../../../tables/table.js';
import type { BlobNumber, TableRequest } from '../inflate-protocol.js';
import type { UnverifiedBlob } from './unverified-blob.js';

/** Largest zTOC that is read, bytes: as the tables in layers. */
const ZTOC_MAX = 150 * 1024 * 1024;

/** Opens a blob whose bytes are not checked. */
type OpenSource = (blob: BlobNumber, digest: Digest, blobSize: number) => UnverifiedBlob;

/**
 * Makes the index of a layer from its table. Nothing has checked the bytes before: they may have
 * been damaged on the way or on disk. So bytes without the announced digest are fetched once more.
 * @throws LayerslayerError DIGEST_MISMATCH, also for any fault in bytes that do not have the
 *   announced digest; as `readTable` for faults of the table itself; network codes
 */
export async function readLayerTable(
  { table, digest, blobSize, allowance }: TableRequest,
  open: OpenSource,
  signal: AbortSignal,
): Promise<TableRead> {
  const options = { digest, blobSize, signal, ...(allowance && { allowance }) };
  if ('announcement' in table) {
    const layer = open(table.blob, digest, blobSize);
    return twice(layer, signal, async (source) => {
      const proof = { holds: false };
      try {
        return await readTable(table.announcement, source, { ...options, proof });
      } catch (error) {
        throw proof.holds ? error : unproven(error);
      }
    });
  }
  const { size, digest: wanted } = table.descriptor;
  const what = `zTOC ${shortDigest(wanted)} of layer ${shortDigest(digest)}`;
  if (size > ZTOC_MAX) {
    throw new LayerslayerError('UNSUPPORTED', `${what} has ${size} bytes, the limit is ${ZTOC_MAX}`);
  }
  const bytes = await twice(open(table.blob, wanted, size), signal, async (source) => {
    const read = await source.read(0, size, signal);
    if (digestOf(read, wanted) === wanted) return read;
    throw new LayerslayerError('DIGEST_MISMATCH', `${what} has other bytes`);
  });
  return readZtoc(bytes, options);
}

/** A fault in bytes without the announced digest says nothing about the table. */
function unproven(error: unknown): LayerslayerError {
  const fault = asLayerslayerError(error);
  if (fault.code !== 'CORRUPT_LAYER' && fault.code !== 'UNSUPPORTED') return fault;
  return new LayerslayerError('DIGEST_MISMATCH', fault.message, { cause: fault });
}

/** Tables are read once: their index is cached. */
async function twice<T>(
  blob: UnverifiedBlob,
  signal: AbortSignal,
  read: (source: Pick<Blob, 'size' | 'read'>) => Promise<T>,
): Promise<T> {
  const source = (fresh: boolean): Pick<Blob, 'size' | 'read'> => ({
    size: blob.size,
    read: (offset, length, within) => blob.readOnce(offset, length, within, fresh),
  });
  try {
    return await read(source(false));
  } catch (error) {
    if (signal.aborted || asLayerslayerError(error).code !== 'DIGEST_MISMATCH') throw error;
    return read(source(true));
  }
}
