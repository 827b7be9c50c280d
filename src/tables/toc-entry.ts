import { isJsonObject, type JsonObject } from '../oci/json.js';
import { shownOwnerId, shownXattrs } from '../tar/attributes.js';
import type { EntryKind, ExtendedAttribute, TarEntry } from '../tar/entry.js';
import { checkedCount, checkedDevice, checkedMode } from './checked-values.js';
import { parseTime, type Time } from './rfc3339.js';
import { corruptTable } from './table-fault.js';

/** Names of the kinds in tables of eStargz and zstd:chunked, and in SOCI's. */
export const KINDS: ReadonlyMap<string, EntryKind> = new Map([
  ['reg', 'file'],
  ['dir', 'dir'],
  ['symlink', 'symlink'],
  ['hardlink', 'hardlink'],
  ['char', 'char'],
  ['block', 'block'],
  ['fifo', 'fifo'],
]);

/** Go writes this for each byte that is not UTF-8: the name is lost. */
const REPLACEMENT = Buffer.from('\ufffd');
const NO_BYTES = new Uint8Array(0);

/** An entry that lasts. Its place in a tar is not known yet. */
export type TocEntry = TarEntry & { isExact: boolean };

/**
 * Reads an entry of a table of eStargz or zstd:chunked. Names stay as they are: the merge cleans
 * and judges them, as those of tars.
 * @param onAdjusted called for each value that differs from the table
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function readTocEntry(entry: JsonObject, onAdjusted: (what: string) => void): TocEntry {
  const type = text(entry, 'type');
  const kind = KINDS.get(type);
  if (kind === undefined) throw corruptTable(`an entry has the type ${JSON.stringify(type)}`);
  if (typeof entry.name !== 'string') throw corruptTable('an entry has no name');
  const isLink = kind === 'symlink' || kind === 'hardlink';
  const isDevice = kind === 'char' || kind === 'block';
  const path = Buffer.from(entry.name);
  const linkTarget = isLink ? Buffer.from(text(entry, 'linkName')) : NO_BYTES;
  const xattrs = readXattrs(entry);
  const size = kind === 'file' ? checkedCount(entry.size ?? 0, 'a size') : 0;
  const time = readTime(entry);
  return {
    kind,
    path,
    linkTarget,
    mode: checkedMode(entry.mode ?? 0),
    uid: ownerId(entry, 'uid', onAdjusted),
    gid: ownerId(entry, 'gid', onAdjusted),
    size,
    storedSize: size,
    mtimeSeconds: time.seconds,
    mtimeNanoseconds: time.nanoseconds,
    deviceMajor: isDevice ? checkedDevice(entry.devMajor ?? 0) : 0,
    deviceMinor: isDevice ? checkedDevice(entry.devMinor ?? 0) : 0,
    xattrs,
    dataOffset: 0,
    sparse: undefined,
    isExact: !isReplaced(path) && !isReplaced(linkTarget) && !xattrs.some(({ name }) => isReplaced(name)),
  };
}

/** Returns whether bytes of the name were lost. The name may also have had U+FFFD itself. */
export function isReplaced(name: Uint8Array): boolean {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).includes(REPLACEMENT);
}

function text(entry: JsonObject, key: string): string {
  const value = entry[key] ?? '';
  if (typeof value === 'string') return value;
  throw corruptTable(`${key} of an entry is not text`);
}

function readTime(entry: JsonObject): Time {
  const written = text(entry, 'modtime');
  const time = written === '' ? { seconds: 0, nanoseconds: 0 } : parseTime(written);
  if (time) return time;
  throw corruptTable(`a time is ${JSON.stringify(written).slice(0, 100)}`);
}

function ownerId(entry: JsonObject, key: 'uid' | 'gid', onAdjusted: (what: string) => void): number {
  const id = entry[key] ?? 0;
  if (!Number.isInteger(id)) throw corruptTable(`a ${key} is ${JSON.stringify(id)}`);
  return shownOwnerId(id as number, key, onAdjusted);
}

function readXattrs(entry: JsonObject): readonly ExtendedAttribute[] {
  const { xattrs } = entry;
  if (xattrs === undefined || xattrs === null) return [];
  if (!isJsonObject(xattrs)) throw corruptTable('the extended attributes of an entry are no map');
  const list = Object.entries(xattrs).map(([name, value]) => ({
    name: Buffer.from(name),
    value: decodeBase64(value),
  }));
  // In a tar, a record without a value removes its key.
  return shownXattrs(list.filter(({ value }) => value.length > 0));
}

function decodeBase64(value: unknown): Uint8Array {
  const isBase64 =
    typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
  if (isBase64) return Buffer.from(value, 'base64');
  throw corruptTable('the value of an extended attribute is not base64');
}
