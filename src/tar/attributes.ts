/** Reads the attributes of an entry from its header block and from the records before it. */
import { corruptTar } from './corrupt.js';
import type { EntryKind, ExtendedAttribute, TarEntry } from './entry.js';
import { DEVICE_MAJOR, DEVICE_MINOR, type Field, GID, type HeaderBlock, MODE, MTIME, UID } from './header.js';
import {
  MAX_DEVICE_NUMBER,
  MAX_OWNER_ID,
  MAX_SECONDS,
  MAX_XATTR_NAME_LENGTH,
  MAX_XATTR_VALUE_LENGTH,
  OVERFLOW_OWNER_ID,
} from './limits.js';
import { parseDecimal, parsePaxTime } from './numbers.js';
import { NO_XATTRS, type PaxKey, type PaxRecords } from './pax.js';
import type { PendingRecords } from './pending-records.js';

/** Permission, setuid, setgid and sticky bits. Some writers put the file type above them. */
export const MODE_MASK = 0o7777;

const NO_BYTES = new Uint8Array(0);

/** Returns the object that a scanner fills for each entry. */
export function blankEntry(): TarEntry {
  return {
    kind: 'file',
    path: NO_BYTES,
    linkTarget: NO_BYTES,
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: NO_XATTRS,
    dataOffset: 0,
    storedSize: 0,
    sparse: undefined,
  };
}

/** Returns the entry's path. The GNU long name takes precedence over the PAX path, as in Go. */
export function entryPath(header: HeaderBlock, pending: PendingRecords): Uint8Array {
  return pending.longName ?? pending.pax?.values.get('path') ?? header.path();
}

/**
 * Fills all fields but those of path and data.
 * @param onAdjusted called for each value that differs from the archive
 * @returns why the entry can't be shown; undefined if it can
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function readAttributes(
  entry: TarEntry,
  kind: EntryKind,
  header: HeaderBlock,
  pending: PendingRecords,
  onAdjusted: (what: string) => void,
): string | undefined {
  const pax = pending.pax;
  const isLink = kind === 'symlink' || kind === 'hardlink';
  const isDevice = kind === 'char' || kind === 'block';
  const hasDeviceNumbers = isDevice && header.format !== 'v7';
  entry.kind = kind;
  entry.linkTarget = isLink
    ? (pending.longLink ?? pax?.values.get('linkpath') ?? header.linkName())
    : NO_BYTES;
  entry.mode = header.number(MODE) & MODE_MASK;
  entry.uid = ownerId(header, UID, pax, 'uid', onAdjusted);
  entry.gid = ownerId(header, GID, pax, 'gid', onAdjusted);
  entry.deviceMajor = hasDeviceNumbers ? header.number(DEVICE_MAJOR) : 0;
  entry.deviceMinor = hasDeviceNumbers ? header.number(DEVICE_MINOR) : 0;
  entry.xattrs = pax ? shownXattrs(pax.xattrs) : NO_XATTRS;
  readModificationTime(entry, header, pax);
  return deviceFlaw(DEVICE_MAJOR, entry.deviceMajor) ?? deviceFlaw(DEVICE_MINOR, entry.deviceMinor);
}

/** Returns the record's number; undefined if there is no such record. */
export function paxNumber(header: HeaderBlock, pax: PaxRecords | undefined, key: PaxKey): number | undefined {
  const value = pax?.values.get(key);
  if (value === undefined) return undefined;
  const number = parseDecimal(value, 0, value.length);
  if (number === undefined) throw corruptTar(header.offset, `PAX ${key} is not a decimal number`);
  return number;
}

function ownerId(
  header: HeaderBlock,
  field: Field,
  pax: PaxRecords | undefined,
  key: 'uid' | 'gid',
  onAdjusted: (what: string) => void,
): number {
  return shownOwnerId(paxNumber(header, pax, key) ?? header.number(field), key, onAdjusted);
}

/** Returns 65534 for an owner out of range. Truncating to 32 bits would turn 2^32 into root. */
export function shownOwnerId(id: number, key: 'uid' | 'gid', onAdjusted: (what: string) => void): number {
  if (id >= 0 && id <= MAX_OWNER_ID) return id;
  onAdjusted(`${key} ${id} is shown as ${OVERFLOW_OWNER_ID}`);
  return OVERFLOW_OWNER_ID;
}

/** Returns why a device can't be shown. Truncated, its number would name another device. */
function deviceFlaw({ name }: Field, number: number): string | undefined {
  if (number >= 0 && number <= MAX_DEVICE_NUMBER) return undefined;
  return `its ${name} is ${number}, want 0 to ${MAX_DEVICE_NUMBER}`;
}

/** Omits attributes that getxattr(2) can't return. */
export function shownXattrs(xattrs: readonly ExtendedAttribute[]): readonly ExtendedAttribute[] {
  const isShown = ({ name, value }: ExtendedAttribute) =>
    name.length > 0 && name.length <= MAX_XATTR_NAME_LENGTH && value.length <= MAX_XATTR_VALUE_LENGTH;
  return xattrs.every(isShown) ? xattrs : xattrs.filter(isShown);
}

function readModificationTime(entry: TarEntry, header: HeaderBlock, pax: PaxRecords | undefined): void {
  const text = pax?.values.get('mtime');
  if (text === undefined) {
    entry.mtimeSeconds = clampSeconds(header.number(MTIME));
    entry.mtimeNanoseconds = 0;
    return;
  }
  const time = parsePaxTime(text, 0, text.length);
  if (time === undefined) throw corruptTar(header.offset, 'PAX mtime is not a decimal time');
  entry.mtimeSeconds = clampSeconds(time.seconds);
  entry.mtimeNanoseconds = time.nanoseconds;
}

/**
 * Limits times to 142 million years in each direction. Kernels clamp far earlier. An absurd time
 * does not fail a layer.
 */
function clampSeconds(seconds: number): number {
  return Math.max(-MAX_SECONDS, Math.min(MAX_SECONDS, seconds));
}
