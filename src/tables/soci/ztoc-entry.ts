import { unsupported } from '../../base/errors.js';
import { latin1 } from '../../base/text/latin1.js';
import { shownOwnerId, shownXattrs } from '../../tar/attributes.js';
import type { ExtendedAttribute, TarEntry } from '../../tar/entry.js';
import { MAX_SECONDS } from '../../tar/limits.js';
import { parseDecimal, parsePaxTime } from '../../tar/numbers.js';
import { checkedCount, checkedDevice, checkedMode } from '../checked-values.js';
import { parseTime, type Time } from '../rfc3339.js';
import { corruptTable } from '../table-fault.js';
import { KINDS } from '../toc-entry.js';
import type { FlatTable } from './flat-buffer.js';

/** Fields of FileMetadata and Xattr, in the order of SOCI's schema. */
const FILE = {
  name: 0,
  type: 1,
  uncompressedOffset: 2,
  uncompressedSize: 3,
  linkname: 4,
  mode: 5,
  uid: 6,
  gid: 7,
  modTime: 10,
  devmajor: 11,
  devminor: 12,
  xattrs: 13,
};
const XATTR = { key: 0, value: 1 };

const XATTR_PREFIX = 'SCHILY.xattr.';
const SPARSE_PREFIX = 'GNU.sparse.';
const NO_BYTES = new Uint8Array(0);

/**
 * Reads an entry of a zTOC. Its names are bytes, its `xattrs` all records of the entry's PAX
 * header. Byte arrays are views of the zTOC.
 * @param onAdjusted called for each value that differs from the table
 * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED for a sparse file, which no zTOC describes
 */
export function readZtocEntry(file: FlatTable, onAdjusted: (what: string) => void): TarEntry {
  const type = latin1(file.bytes(FILE.type));
  const kind = KINDS.get(type);
  if (kind === undefined) throw corruptTable(`an entry has the type ${JSON.stringify(type.slice(0, 20))}`);
  const isLink = kind === 'symlink' || kind === 'hardlink';
  const isDevice = kind === 'char' || kind === 'block';
  const { values, xattrs } = readRecords(file);
  const size = kind === 'file' ? checkedCount(file.long(FILE.uncompressedSize), 'a size') : 0;
  const time = readTime(file, values.get('mtime'));
  const ownerId = (key: 'uid' | 'gid') =>
    shownOwnerId(number(values.get(key), `a PAX ${key}`) ?? file.uint(FILE[key]), key, onAdjusted);
  return {
    kind,
    path: file.bytes(FILE.name),
    linkTarget: isLink ? file.bytes(FILE.linkname) : NO_BYTES,
    mode: checkedMode(file.long(FILE.mode)),
    uid: ownerId('uid'),
    gid: ownerId('gid'),
    size,
    storedSize: size,
    mtimeSeconds: Math.max(-MAX_SECONDS, Math.min(MAX_SECONDS, time.seconds)),
    mtimeNanoseconds: time.nanoseconds,
    deviceMajor: isDevice ? checkedDevice(file.long(FILE.devmajor)) : 0,
    deviceMinor: isDevice ? checkedDevice(file.long(FILE.devminor)) : 0,
    xattrs,
    dataOffset: checkedCount(file.long(FILE.uncompressedOffset), 'an offset'),
    sparse: undefined,
  };
}

/** Records of the PAX header. One without a value counts as none, as in tars. */
function readRecords(file: FlatTable): {
  values: ReadonlyMap<string, Uint8Array>;
  xattrs: readonly ExtendedAttribute[];
} {
  const values = new Map<string, Uint8Array>();
  const xattrs: ExtendedAttribute[] = [];
  for (const record of file.tables(FILE.xattrs)) {
    const keyBytes = record.bytes(XATTR.key);
    const value = record.bytes(XATTR.value);
    const key = latin1(keyBytes);
    if (key.startsWith(SPARSE_PREFIX)) throw unsupported('a zTOC that lists a sparse file');
    if (value.length === 0) continue;
    if (key.startsWith(XATTR_PREFIX)) xattrs.push({ name: keyBytes.subarray(XATTR_PREFIX.length), value });
    else values.set(key, value);
  }
  return { values, xattrs: shownXattrs(xattrs) };
}

function readTime(file: FlatTable, record: Uint8Array | undefined): Time {
  const text = file.bytes(FILE.modTime);
  const time = record ? parsePaxTime(record, 0, record.length) : parseTime(latin1(text));
  if (time) return time;
  throw corruptTable(`a time is ${JSON.stringify(latin1(record ?? text).slice(0, 100))}`);
}

function number(text: Uint8Array | undefined, what: string): number | undefined {
  if (!text) return undefined;
  const value = parseDecimal(text, 0, text.length);
  if (value === undefined) throw corruptTable(`${what} is no number`);
  return value;
}
