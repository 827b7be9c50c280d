// Python wheels of the machine's own files. A wheel is a zip, so its bytes are deflated already.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chooseFiles } from './corpus.mjs';

/** Folders below `/` with modules, and libraries as those of compiled modules. */
const FOLDERS = [
  ['usr/lib/python3*', 1],
  ['usr/lib/*-linux-gnu', 1],
  ['usr', 1],
];
/** Uncompressed bytes of a wheel at least, but for the last one. */
const WHEEL_SIZE = 8_000_000;
/** Lengths of what gzip puts around the deflated bytes. (RFC 1952) */
const GZIP_HEADER = 10;
const GZIP_TRAILER = 8;

/** Returns a stream of the tar of wheels that hold about `size` bytes of files. */
export async function wheelsTar(workplace, size) {
  const only = (_path, type, length) => type === 'f' && length > 0;
  const files = (await chooseFiles(workplace, FOLDERS, size, { only })).map((path) => `/${path}`);
  const folder = workplace.newFolder('wheels');
  const names = [];
  let members = [];
  let held = 0;
  const end = () => {
    if (members.length === 0) return;
    names.push(`module_${names.length}-1.0-py3-none-any.whl`);
    writeFileSync(join(folder, names.at(-1)), zipOf(members));
    members = [];
    held = 0;
  };
  for (const path of files) {
    const content = contentOf(path);
    if (!content) continue; // the parent of a file
    members.push({ name: path.slice(1), content });
    held += content.length;
    if (held >= WHEEL_SIZE) end();
  }
  end();
  const argv = ['tar', '-c', '--sort=name', '-C', folder, ...names];
  return workplace.start(argv, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
}

function contentOf(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'EISDIR') return undefined;
    throw error;
  }
}

/** A zip archive. (PKWARE APPNOTE, 4.3) */
function zipOf(members) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, content } of members) {
    const gzipped = gzipSync(content);
    const deflated = gzipped.subarray(GZIP_HEADER, -GZIP_TRAILER);
    const common = Buffer.alloc(26); // the same in both headers, 4.3.7
    common.writeUInt16LE(20, 0); // version 2.0
    common.writeUInt16LE(8, 4); // deflate
    gzipped.copy(common, 10, gzipped.length - GZIP_TRAILER, gzipped.length - 4); // CRC-32
    common.writeUInt32LE(deflated.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = [Buffer.from('PK\x03\x04'), common, Buffer.from(name), deflated];
    const place = Buffer.alloc(14); // comment, disk, attributes, offset, 4.3.12
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, place, Buffer.from(name));
    parts.push(...local);
    offset += local.reduce((sum, { length }) => sum + length, 0);
  }
  const last = Buffer.alloc(22); // end of central directory, 4.3.16
  last.write('PK\x05\x06', 'latin1');
  last.writeUInt16LE(members.length, 8);
  last.writeUInt16LE(members.length, 10);
  last.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    12,
  );
  last.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, last]);
}
