import { codecNamed } from '../../codec/codecs.js';
import type { LayerIndexBuilder } from '../../index/pass/index-pass.js';
import { SHA256_LENGTH } from '../../oci/digest.js';
import { checkedSha256, digestBytes } from '../checked-values.js';
import { corruptTable } from '../table-fault.js';
import type { FlatTable } from './flat-buffer.js';

/** Fields of CompressionInfo, in the order of SOCI's schema. */
const INFO = { algorithm: 0, maxSpanId: 1, spanDigests: 2, checkpoints: 3 };
const GZIP = 1;

/** Number of checkpoints (i32) and the wanted span size (i64). */
const HEAD_LENGTH = 12;
const WINDOW_LENGTH = 32 * 1024;
/** in (i64), out (i64), bits (u8), window. */
const RECORD_LENGTH = 8 + 8 + 1 + WINDOW_LENGTH;

/** Where SOCI assumes that a gzip header without fields ends, if it did not store it. */
const HEADER_END = 10;

interface Spans {
  digests: Uint8Array; // SHA-256 of each span's compressed bytes, end to end
  lastOutOffset: number; // of the last checkpoint in the uncompressed tar
}

/**
 * Adds the checkpoints of a zTOC to the index: one a span.
 * @throws LayerslayerError CORRUPT_LAYER if they do not add up, or are not of gzip
 */
export function addSpans(info: FlatTable | undefined, blobSize: number, builder: LayerIndexBuilder): Spans {
  if (!info) throw corruptTable('it has no checkpoints');
  const algorithm = info.byte(INFO.algorithm, GZIP);
  if (algorithm !== GZIP) throw corruptTable(`its compression is number ${algorithm}, want gzip`);
  const packed = info.bytes(INFO.checkpoints);
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  if (view.length < HEAD_LENGTH) throw corruptTable('its checkpoints are cut short');
  const count = view.readUInt32LE(0);
  const stored = (view.length - HEAD_LENGTH) / RECORD_LENGTH;
  // Older writers leave the first one out: it has no window.
  const isFirstLeftOut = stored === count - 1;
  if (count === 0 || (stored !== count && !isFirstLeftOut)) {
    throw corruptTable(`it has ${count} checkpoints in ${view.length} bytes`);
  }
  if (info.uint(INFO.maxSpanId) !== count - 1)
    throw corruptTable(`it has ${count} checkpoints, and other spans`);

  const gzip = codecNamed('gzip');
  let before = { inOffset: 0, outOffset: -1 };
  for (let i = 0; i < count; i++) {
    const at = HEAD_LENGTH + (isFirstLeftOut ? i - 1 : i) * RECORD_LENGTH;
    const place = at < HEAD_LENGTH ? FIRST : readPlace(view, at);
    const { inOffset, outOffset, bits } = place;
    const isAscending = inOffset > before.inOffset && outOffset > before.outOffset && inOffset <= blobSize;
    if (!isAscending || !Number.isSafeInteger(outOffset) || bits > 7 || (i === 0 && outOffset !== 0)) {
      throw corruptTable(`checkpoint ${i} is at ${inOffset}, uncompressed ${outOffset}, with ${bits} bits`);
    }
    before = place;
    const windowLength = Math.min(outOffset, WINDOW_LENGTH);
    const window = view.subarray(at + RECORD_LENGTH - windowLength, at + RECORD_LENGTH);
    const checkpoint = gzip.checkpointWithWindow!({ inOffset, bits, outOffset, window });
    builder.addCheckpoint(gzip, checkpoint);
  }
  return { digests: readDigests(info, count), lastOutOffset: before.outOffset };
}

const FIRST = { inOffset: HEADER_END, outOffset: 0, bits: 0 };

function readPlace(view: Buffer, at: number): typeof FIRST {
  return {
    inOffset: Number(view.readBigInt64LE(at)),
    outOffset: Number(view.readBigInt64LE(at + 8)),
    bits: view.readUInt8(at + 16),
  };
}

function readDigests(info: FlatTable, count: number): Uint8Array {
  const digests = new Uint8Array(count * SHA256_LENGTH);
  let length = 0;
  for (const bytes of info.strings(INFO.spanDigests)) {
    const digest = checkedSha256(Buffer.from(bytes).toString('latin1'));
    if (length === digests.length) throw corruptTable(`it has more digests than ${count} spans`);
    digests.set(digestBytes(digest), length);
    length += SHA256_LENGTH;
  }
  if (length < digests.length) throw corruptTable(`it has ${length / SHA256_LENGTH} digests, want ${count}`);
  return digests;
}
