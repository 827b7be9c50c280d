import { withContext } from '../base/errors.js';
import { LayerIndexBuilder } from '../index/pass/index-pass.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { TableAnnouncement } from './announcement.js';
import { readEstargz } from './estargz.js';
import { LayerRanges, type TableSource } from './layer-ranges.js';
import type { TableProof, TableRead, TableReadOptions } from './table-read.js';
import { TocRows } from './toc-rows.js';
import { readChunkedTable, readTarSplit } from './zstd-chunked.js';

export { zTocOf } from './soci/soci-index.js';
export { readZtoc } from './soci/ztoc.js';
export type { TableRead, TableReadOptions } from './table-read.js';

/** A table that is in the layer itself. */
type TableInLayer = Exclude<TableAnnouncement, { format: 'soci' }>;

/**
 * Makes a layer's index from the table in it. All bytes of the table are checked by the announced
 * digest. A table that contradicts itself is refused: a pass of our own then decides.
 * @throws LayerslayerError CORRUPT_LAYER, with the reason, if the table is damaged or lies;
 *   UNSUPPORTED past a limit; network codes as Blob.read
 */
export async function readTable(
  announcement: TableInLayer,
  layer: TableSource,
  options: TableReadOptions,
): Promise<TableRead> {
  const { digest, signal, proof = { holds: false } } = options;
  const ranges = new LayerRanges(layer, signal);
  const builder = new LayerIndexBuilder(digest, options);
  try {
    return announcement.format === 'estargz'
      ? await fromEstargz(announcement.digest, ranges, builder, proof)
      : await fromChunked(announcement, ranges, builder, { ...options, proof });
  } catch (error) {
    throw withContext(error, `reading the ${announcement.format} table of layer ${shortDigest(digest)}`);
  } finally {
    builder.release();
  }
}

async function fromEstargz(
  digest: Digest,
  ranges: LayerRanges,
  builder: LayerIndexBuilder,
  proof: TableProof,
): Promise<TableRead> {
  const rows = new TocRows(builder);
  const dataEnd = await readEstargz(digest, ranges, rows, proof);
  const index = await builder.finish(rows.end('gzip', ranges.layer.size, dataEnd));
  return { index, isExact: rows.isExact };
}

async function fromChunked(
  announcement: Extract<TableAnnouncement, { format: 'zstd:chunked' }>,
  ranges: LayerRanges,
  builder: LayerIndexBuilder,
  { proof, ...options }: TableReadOptions & { proof: TableProof },
): Promise<TableRead> {
  const rows = new TocRows(builder);
  const { dataEnd, tarSplitDigest } = await readChunkedTable(announcement, ranges, rows, proof);
  const end = rows.end('zstd', ranges.layer.size, dataEnd);
  const { tarSplit } = announcement;
  // Without a digest in the table, nothing vouches for the tar-split.
  if (!tarSplit || !tarSplitDigest) return { index: await builder.finish(end), isExact: rows.isExact };

  const tar = new LayerIndexBuilder(options.digest, options);
  try {
    const parts = { rows: builder, builder: tar, proof };
    const isRead = await readTarSplit(tarSplit, tarSplitDigest, ranges, parts);
    if (!isRead) return { index: await builder.finish(end), isExact: rows.isExact };
    return { index: await tar.finish(end), isExact: true };
  } finally {
    tar.release();
  }
}
