import type { Digest } from '../oci/digest.js';
import type { LayerRanges } from './layer-ranges.js';
import { TableDecoder } from './table-decoder.js';
import { corruptTable } from './table-fault.js';
import { TABLE_SIZE } from './table-limits.js';
import { TableMember } from './table-member.js';
import type { TableProof } from './table-read.js';
import type { TocRows } from './toc-rows.js';

/** Bytes of an empty gzip member whose Extra field has the table's offset. */
const FOOTER_LENGTH = 51;
/** `SG`, 22 bytes: 16 hex digits and a word. (stargz-snapshotter, docs/estargz.md) */
const FOOTER = /^\x1f\x8b\x08\x04.{6}\x1a\x00SG\x16\x00([0-9a-f]{16})STARGZ/s;

/** Room for a tar's headers, padding and end besides the table. */
const TAR_ROOM = 64 * 1024;

/**
 * Bytes of the layer's end that are read first. More would often be content, not the table: in an
 * image of several layers that costs more than the request that it may spare.
 */
const TAIL_LENGTH = 16 * 1024;

/**
 * Reads the table of an eStargz: the footer says where it is. What it lists is only in `rows`.
 * @param digest of the JSON
 * @param proof see `TableReadOptions`
 * @returns where the content ends, in compressed bytes
 * @throws LayerslayerError CORRUPT_LAYER, UNSUPPORTED; network codes as Blob.read
 */
export async function readEstargz(
  digest: Digest,
  ranges: LayerRanges,
  rows: TocRows,
  proof: TableProof,
): Promise<number> {
  const { size } = ranges.layer;
  const end = size - FOOTER_LENGTH;
  const tailStart = Math.max(0, size - TAIL_LENGTH);
  const [tail] = await Promise.all([ranges.hold(tailStart, size), ranges.expect('gzip')]);
  const tableOffset = readFooter(tail.subarray(-FOOTER_LENGTH));
  if (tableOffset >= end)
    throw corruptTable(`its offset ${tableOffset} is outside the layer of ${size} bytes`);
  const member = new TableMember(rows);
  const decoder = new TableDecoder('gzip', TABLE_SIZE + TAR_ROOM, (bytes) => member.push(bytes));
  let at = tableOffset;
  for await (const part of ranges.parts(tableOffset, end)) {
    at += part.length;
    decoder.push(part, at === end);
  }
  member.finish(digest, tableOffset, proof);
  return end;
}

/** The older footer of 47 bytes, and that of a table outside the layer, are refused. */
function readFooter(footer: Uint8Array): number {
  const found = FOOTER.exec(Buffer.from(footer).toString('latin1'));
  if (!found) throw corruptTable('the layer has no footer of eStargz');
  return Number.parseInt(found[1]!, 16);
}
