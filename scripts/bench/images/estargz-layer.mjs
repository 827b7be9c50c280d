// Writes a layer in the format of eStargz. (stargz-snapshotter, docs/estargz.md)
import { gzipSync } from 'node:zlib';
import { LayerFile, padding, partsOf, sha256, TAR_END, tarHeader } from './layer-members.mjs';

/**
 * @param level of gzip
 * @returns what an image says of the layer; `tableSize` is of the table with its footer
 */
export function writeEstargz(path, members, level = 1) {
  const layer = new LayerFile(path);
  let pending = []; // of the tar, for the next member
  const put = (bytes) => {
    layer.tar(bytes);
    pending.push(bytes);
  };
  const flush = () => {
    if (pending.length > 0) layer.write(gzipSync(Buffer.concat(pending), { level }));
    pending = [];
  };
  const entries = [];
  for (const member of members) {
    const header = tarHeader(member);
    if (!header) continue;
    put(header);
    const { path: name, type, mode, mtime, size, target } = member;
    const entry = { name, type, mode, modtime: new Date(mtime * 1000).toISOString(), linkName: target };
    entries.push(entry);
    if (!size) continue;
    const content = member.content();
    Object.assign(entry, { size, digest: sha256(content) });
    let at = 0;
    for (const part of partsOf(content)) {
      flush();
      const chunk = at === 0 ? entry : { name, type: 'chunk', chunkOffset: at };
      Object.assign(chunk, { offset: layer.size, chunkDigest: sha256(part) });
      at += part.length;
      if (at < content.length) chunk.chunkSize = part.length;
      if (chunk !== entry) entries.push(chunk);
      put(part);
    }
    put(padding(size));
  }
  flush();
  const offset = layer.size;
  const json = Buffer.from(JSON.stringify({ version: 1, entries }));
  const name = { path: 'stargz.index.json', type: 'reg', mode: 0o444, mtime: 0, size: json.length };
  const table = Buffer.concat([tarHeader(name), json, padding(json.length), TAR_END]);
  layer.tar(table);
  layer.write(gzipSync(table));
  layer.write(footer(offset));
  return layer.close({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    annotations: { 'containerd.io/snapshot/stargz/toc.digest': sha256(json) },
    tableSize: layer.size - offset,
  });
}

/** An empty gzip member whose Extra field has the table's offset. */
function footer(offset) {
  const extra = `SG\x16\0${offset.toString(16).padStart(16, '0')}STARGZ`;
  const head = Buffer.from('\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0', 'latin1');
  return Buffer.concat([head, Buffer.from(extra), Buffer.from('\x01\0\0\xff\xff\0\0\0\0\0\0\0\0', 'latin1')]);
}
