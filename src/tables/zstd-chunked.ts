import { createHash } from 'node:crypto';
import type { LayerIndexBuilder } from '../index/pass/index-pass.js';
import { type Digest, digestAlgorithm, digestHex, isDigest } from '../oci/digest.js';
import { SKIPPABLE_HEADER_LENGTH, type TableAnnouncement, type TablePosition } from './announcement.js';
import type { LayerRanges } from './layer-ranges.js';
import { TableDecoder } from './table-decoder.js';
import { corruptTable } from './table-fault.js';
import { PART_SIZE } from './table-limits.js';
import type { TableProof } from './table-read.js';
import { checkTableVersion, TableText } from './table-text.js';
import { TarSplit } from './tar-split.js';
import type { TocRows } from './toc-rows.js';

/** Any of 0x184D2A50 to 0x184D2A5F. (RFC 8878, 3.1.2) */
const SKIPPABLE_MAGIC = 0x184d2a50;

type ChunkedTable = Extract<TableAnnouncement, { format: 'zstd:chunked' }>;

/**
 * Reads a table of zstd:chunked, of either dialect, from where the annotations say that it is.
 * @param proof see `TableReadOptions`
 * @returns where the content ends, in compressed bytes; the tar-split's digest, if there is one
 * @throws LayerslayerError CORRUPT_LAYER, UNSUPPORTED; network codes as Blob.read
 */
export async function readChunkedTable(
  table: ChunkedTable,
  ranges: LayerRanges,
  rows: TocRows,
  proof: TableProof,
): Promise<{ dataEnd: number; tarSplitDigest: Digest | undefined }> {
  const { tarSplit, estargzDigest } = table;
  const frames = tarSplit ? [table, tarSplit] : [table];
  const start = Math.min(...frames.map(({ offset }) => offset)) - SKIPPABLE_HEADER_LENGTH;
  const end = Math.max(...frames.map(({ offset, length }) => offset + length));
  // Both in one request, unless they are large or apart.
  const isOne = end - start <= PART_SIZE;
  await Promise.all([isOne ? ranges.hold(start, end) : holdFrame(table, ranges), ranges.expect('zstd')]);

  const text = new TableText((entry) => rows.add(entry));
  const textHash = createHash('sha256');
  const digest = await decodeFrame(table, ranges, (bytes) => {
    if (estargzDigest) textHash.update(bytes);
    text.push(bytes);
  });
  if (!isSha256(table.digest, digest)) throw corruptTable(`its digest is not ${table.digest}`);
  proof.holds = true;
  if (estargzDigest && !isSha256(estargzDigest, textHash.digest('hex'))) {
    throw corruptTable(`its digest of eStargz is not ${estargzDigest}`);
  }
  const fields = text.finish();
  checkTableVersion(fields);
  const { tarSplitDigest } = fields;
  rows.chunks.endFile();
  return { dataEnd: start, tarSplitDigest: isDigest(tarSplitDigest) ? tarSplitDigest : undefined };
}

/**
 * Reads a tar-split: the headers of the layer's tar.
 * @param digest of the compressed tar-split
 * @param parts.rows of the table
 * @param parts.proof see `TableReadOptions`
 * @returns false if the table counts: the tar has sparse files
 * @throws LayerslayerError CORRUPT_LAYER if it does not fit the table
 */
export async function readTarSplit(
  position: TablePosition,
  digest: Digest,
  ranges: LayerRanges,
  { rows, builder, proof }: { rows: LayerIndexBuilder; builder: LayerIndexBuilder; proof: TableProof },
): Promise<boolean> {
  proof.holds = false;
  await holdFrame(position, ranges);
  const split = new TarSplit(rows.entriesSoFar(), builder);
  const got = await decodeFrame(position, ranges, (bytes) => split.push(bytes));
  if (!isSha256(digest, got)) throw corruptTable(`the digest of its tar-split is not ${digest}`);
  proof.holds = true;
  return split.finish();
}

/** Reads the start of a frame, with that of the skippable one around it, unless it is held. */
async function holdFrame({ offset, length }: TablePosition, ranges: LayerRanges): Promise<void> {
  const start = offset - SKIPPABLE_HEADER_LENGTH;
  const end = Math.min(offset + length, start + PART_SIZE);
  if (!ranges.holds(start, end)) await ranges.hold(start, end);
}

/**
 * Decodes the frame inside a skippable one.
 * @returns SHA-256 of the compressed bytes, in hex
 */
async function decodeFrame(
  { offset, length, size }: TablePosition,
  ranges: LayerRanges,
  onBytes: (bytes: Uint8Array) => void,
): Promise<string> {
  for await (const header of ranges.parts(offset - SKIPPABLE_HEADER_LENGTH, offset)) {
    checkSkippable(Buffer.from(header), length);
  }
  const hash = createHash('sha256');
  const decoder = new TableDecoder('zstd', size, onBytes);
  let at = offset;
  for await (const part of ranges.parts(offset, offset + length)) {
    hash.update(part);
    at += part.length;
    decoder.push(part, at === offset + length);
  }
  if (decoder.size !== size) throw corruptTable(`it has ${decoder.size} bytes, want ${size}`);
  return hash.digest('hex');
}

/** Decoders of the layer must skip the table. */
function checkSkippable(header: Buffer, length: number): void {
  const isSkippable =
    header.length === SKIPPABLE_HEADER_LENGTH &&
    (header.readUInt32LE(0) & ~0xf) === SKIPPABLE_MAGIC &&
    header.readUInt32LE(4) === length;
  if (!isSkippable) throw corruptTable('it is not in a skippable frame of its length');
}

function isSha256(wanted: Digest, hex: string): boolean {
  return digestAlgorithm(wanted) === 'sha256' && digestHex(wanted) === hex;
}
