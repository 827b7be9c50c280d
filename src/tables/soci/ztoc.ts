import { withContext } from '../../base/errors.js';
import { quoteName } from '../../base/text/quote-name.js';
import { LayerIndexBuilder } from '../../index/pass/index-pass.js';
import { shortDigest } from '../../oci/digest.js';
import { entryFlaw } from '../../tar/entry-flaw.js';
import { BLOCK_SIZE, paddingAfter } from '../../tar/header.js';
import { corruptTable } from '../table-fault.js';
import { TABLE_SIZE } from '../table-limits.js';
import type { TableRead, TableReadOptions } from '../table-read.js';
import { FlatTable } from './flat-buffer.js';
import { readZtocEntry } from './ztoc-entry.js';
import { addSpans } from './ztoc-spans.js';

/** Fields of the tables, in the order of SOCI's schema. (ztoc/fbs/ztoc.fbs, version 0.9) */
const ZTOC = { version: 0, compressedSize: 2, uncompressedSize: 3, toc: 4, compressionInfo: 5 };
const TOC = { metadata: 0 };

const VERSION = '0.9';

/**
 * Makes a layer's index from its zTOC, of SOCI. Only gzip layers have one that is read.
 *
 * A zTOC lists the entries of the real tar, so offsets and times are exact. The archive's size in
 * it lacks the zeros at the end.
 * @param bytes of the zTOC, whose digest the caller has checked
 * @throws LayerslayerError CORRUPT_LAYER, with the reason, if it does not add up; UNSUPPORTED for
 *   another version or compression, sparse files, and past a limit
 */
export async function readZtoc(bytes: Uint8Array, options: TableReadOptions): Promise<TableRead> {
  const builder = new LayerIndexBuilder(options.digest, options);
  try {
    if (bytes.length > TABLE_SIZE)
      throw corruptTable(`it has ${bytes.length} bytes, the limit is ${TABLE_SIZE}`);
    const ztoc = FlatTable.root(bytes);
    const version = Buffer.from(ztoc.bytes(ZTOC.version)).toString('latin1');
    if (version !== VERSION) throw corruptTable(`its version is ${JSON.stringify(version.slice(0, 20))}`);
    const { blobSize } = options;
    if (ztoc.long(ZTOC.compressedSize) !== blobSize) throw corruptTable('it is of a layer of another size');
    const contentEnd = addEntries(ztoc.table(ZTOC.toc), builder);
    const { digests, lastOutOffset } = addSpans(ztoc.table(ZTOC.compressionInfo), blobSize, builder);
    const tarSize = Math.max(contentEnd, lastOutOffset, ztoc.long(ZTOC.uncompressedSize));
    const verification = { kind: 'spans' as const, digests };
    const index = await builder.finish({ codec: 'gzip', blobSize, tarSize, verification });
    return { index, isExact: true };
  } catch (error) {
    throw withContext(error, `reading the zTOC of layer ${shortDigest(options.digest)}`);
  } finally {
    builder.release();
  }
}

/** @returns where the last content ends in the tar */
function addEntries(toc: FlatTable | undefined, builder: LayerIndexBuilder): number {
  let end = 0; // of the last entry's content, with its padding
  for (const metadata of toc?.tables(TOC.metadata) ?? []) {
    const adjusted: string[] = [];
    const entry = readZtocEntry(metadata, (what) => adjusted.push(what));
    const { dataOffset, storedSize } = entry;
    // There is a header at least before each content.
    if (dataOffset % BLOCK_SIZE !== 0 || dataOffset < end + BLOCK_SIZE) {
      throw corruptTable(`an entry's content at ${dataOffset} comes after one that ends at ${end}`);
    }
    end = dataOffset + storedSize + paddingAfter(storedSize);
    if (!Number.isSafeInteger(end)) throw corruptTable('its files are larger than 2^53 bytes together');
    const flaw = entryFlaw(entry);
    if (flaw === undefined) builder.addEntry(entry);
    else adjusted.push(`skipped: ${flaw}`);
    for (const what of adjusted) builder.warn(`zTOC entry ${quoteName(entry.path)}: ${what}`);
  }
  return end;
}
