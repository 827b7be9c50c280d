// Writes an ordinary gzip layer and its zTOC. (soci-snapshotter, ztoc/fbs/ztoc.fbs, version 0.9)
import { once } from 'node:events';
import { createGzip } from 'node:zlib';
import { flatBuffer } from './flat-buffer.mjs';
import { LayerFile, PART_SIZE, padding, sha256, TAR_BLOCK, TAR_END, tarHeader } from './layer-members.mjs';

/** Bytes of a gzip header without fields: SOCI's first checkpoint is behind it. */
const GZIP_HEADER = 10;
const WINDOW_LENGTH = 32 * 1024;

/**
 * Spans end where the compressor was flushed, so a checkpoint is between two bytes. Its window is
 * needed: a flush ends a block, and keeps the history.
 * @returns what an image says of the layer; `ztoc` has the bytes of the zTOC
 */
export async function writeSoci(path, members) {
  const layer = new LayerFile(path);
  const span = { bytes: [], skip: GZIP_HEADER };
  const digests = [];
  const checkpoints = [record(GZIP_HEADER, 0, Buffer.alloc(0))];
  const gzip = createGzip({ level: 1 });
  gzip.on('data', (bytes) => {
    layer.write(bytes);
    span.bytes.push(bytes);
  });
  const endSpan = () => {
    digests.push(sha256(Buffer.concat(span.bytes).subarray(span.skip)));
    span.bytes = [];
    span.skip = 0;
  };
  let room = PART_SIZE; // of the span
  let window = Buffer.alloc(0);
  const put = async (bytes) => {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + room);
      layer.tar(part);
      if (!gzip.write(part)) await once(gzip, 'drain');
      window = Buffer.concat([window, part.subarray(-WINDOW_LENGTH)]).subarray(-WINDOW_LENGTH);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      await new Promise((resolve) => gzip.flush(resolve));
      endSpan();
      checkpoints.push(record(layer.size, layer.tarSize, window));
      room = PART_SIZE;
    }
  };
  const entries = [];
  for (const member of members) {
    const header = tarHeader(member);
    if (!header) continue;
    entries.push(metadata(member, layer.tarSize + TAR_BLOCK));
    await put(header);
    if (!member.size) continue;
    await put(member.content());
    await put(padding(member.size));
  }
  const contentSize = layer.tarSize;
  await put(TAR_END);
  gzip.end();
  await once(gzip, 'end');
  endSpan();
  const count = Buffer.alloc(12);
  count.writeInt32LE(checkpoints.length, 0);
  count.writeBigInt64LE(BigInt(PART_SIZE), 4);
  const info = {
    table: [
      { byte: 1 },
      { uint: checkpoints.length - 1 },
      { list: digests.map(text) },
      { bytes: Buffer.concat([count, ...checkpoints]) },
    ],
  };
  const toc = { table: [{ list: entries }] };
  const ztoc = flatBuffer({
    table: [text('0.9'), text('the bench'), long(layer.size), long(contentSize), toc, info],
  });
  return layer.close({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    ztoc,
    tableSize: ztoc.length,
  });
}

const text = (value) => ({ bytes: Buffer.from(value) });
const long = (value) => ({ long: BigInt(value) });

function metadata({ path, type, mode, mtime, size = 0, target = '' }, offset) {
  const time = new Date(mtime * 1000).toISOString().replace('.000Z', 'Z');
  const names = [text(path), text(type), long(offset), long(size), text(target), long(mode)];
  const owner = [{ uint: 0 }, { uint: 0 }, text('root'), text('root')];
  return { table: [...names, ...owner, text(time), long(0), long(0), { list: [] }] };
}

/** A checkpoint, with a dense window. */
function record(inOffset, outOffset, window) {
  const bytes = Buffer.alloc(17 + WINDOW_LENGTH);
  bytes.writeBigInt64LE(BigInt(inOffset), 0);
  bytes.writeBigInt64LE(BigInt(outOffset), 8);
  window.copy(bytes, bytes.length - window.length);
  return bytes;
}
