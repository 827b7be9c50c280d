// Writes a layer in the format of zstd:chunked, with a tar-split. (containers/storage,
// pkg/chunked)
import { execFileSync } from 'node:child_process';
import { LayerFile, padding, partsOf, sha256, TAR_END, tarHeader } from './layer-members.mjs';

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Frame_Header_Descriptor: single segment, content size in 4 bytes. (RFC 8878, 3.1.1.1.1) */
const DESCRIPTOR = 0xa0;
const BLOCK_MAX = 128 * 1024;
const MAX_BUFFER = 2 ** 30;

/**
 * @param packPart makes the frame of a file's part; by default its bytes are stored
 * @returns what an image says of the layer; `tableSize` is of the table and the tar-split
 */
export function writeChunked(path, members, packPart = storedFrame) {
  const layer = new LayerFile(path);
  const lines = []; // of the tar-split
  let segment = []; // of the tar, between contents
  const put = (bytes, pack = storedFrame) => {
    layer.tar(bytes);
    layer.write(pack(bytes));
  };
  const line = (value) => lines.push(JSON.stringify({ ...value, position: lines.length }));
  const endSegment = () => {
    if (segment.length > 0) line({ type: 2, payload: Buffer.concat(segment).toString('base64') });
    segment = [];
  };
  const entries = [];
  for (const member of members) {
    const header = tarHeader(member);
    if (!header) continue;
    put(header);
    segment.push(header);
    const { path: name, type, mode, mtime, size = 0, target } = member;
    const entry = { type, name, mode, modtime: new Date(mtime * 1000).toISOString(), linkName: target };
    entries.push(entry);
    endSegment();
    line({ type: 1, name, size, payload: size > 0 ? 'AAAAAAAAAAA=' : undefined });
    if (size === 0) continue;
    const content = member.content();
    Object.assign(entry, { size, digest: sha256(content) });
    let at = 0;
    for (const part of partsOf(content)) {
      const chunk = at === 0 ? entry : { type: 'chunk', name, chunkOffset: at };
      chunk.offset = layer.size;
      if (part.length < size) Object.assign(chunk, { chunkSize: part.length, chunkDigest: sha256(part) });
      at += part.length;
      if (chunk !== entry) entries.push(chunk);
      put(part, packPart);
    }
    entry.endOffset = layer.size;
    if (padding(size).length === 0) continue;
    put(padding(size));
    segment.push(padding(size));
  }
  put(TAR_END);
  segment.push(TAR_END);
  endSegment();
  const start = layer.size;
  const split = Buffer.from(`${lines.join('\n')}\n`);
  const packedSplit = compress(split);
  const json = Buffer.from(JSON.stringify({ version: 1, entries, tarSplitDigest: sha256(packedSplit) }));
  const table = compress(json);
  const tableAt = skippable(layer, table);
  const splitAt = skippable(layer, packedSplit);
  skippable(layer, Buffer.alloc(56)); // the footer, which annotations stand for
  const name = 'io.github.containers.zstd-chunked';
  return layer.close({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
    annotations: {
      [`${name}.manifest-checksum`]: sha256(table),
      [`${name}.manifest-position`]: `${tableAt}:${table.length}:${json.length}:1`,
      [`${name}.tarsplit-position`]: `${splitAt}:${packedSplit.length}:${split.length}`,
    },
    tableSize: layer.size - start,
  });
}

/** @returns where its content begins */
function skippable(layer, content) {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  head.writeUInt32LE(content.length, 4);
  layer.write(head);
  const offset = layer.size;
  layer.write(content);
  return offset;
}

/** A frame of raw blocks. (RFC 8878, 3.1.1) */
function storedFrame(content) {
  const parts = [Buffer.alloc(9)];
  parts[0].writeUInt32LE(MAGIC, 0);
  parts[0].writeUInt8(DESCRIPTOR, 4);
  parts[0].writeUInt32LE(content.length, 5);
  for (let at = 0; at === 0 || at < content.length; at += BLOCK_MAX) {
    const block = content.subarray(at, at + BLOCK_MAX);
    const isLast = at + BLOCK_MAX >= content.length ? 1 : 0;
    const head = Buffer.alloc(3);
    head.writeUIntLE(isLast + block.length * 8, 0, 3);
    parts.push(head, block);
  }
  return Buffer.concat(parts);
}

/** A frame of compressed blocks. */
export const compress = (bytes) =>
  execFileSync('zstd', ['-qc', '--single-thread'], { input: bytes, maxBuffer: MAX_BUFFER });
