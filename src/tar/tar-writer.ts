/**
 * Writes headers of tars: ustar, with PAX records for values that do not fit its fields. Names stay
 * bytes, which no library supports. (POSIX pax, "ustar Interchange Format", "pax Extended Header")
 */
import type { EntryKind, ExtendedAttribute } from './entry.js';
import {
  BLOCK_SIZE,
  CHECKSUM,
  DEVICE_MAJOR,
  DEVICE_MINOR,
  type Field,
  GID,
  LINK_NAME,
  MAGIC_AT,
  MODE,
  MTIME,
  NAME,
  PAX_HEADER,
  paddingAfter,
  SIZE,
  TYPE_AT,
  TYPE_FLAGS,
  UID,
} from './header.js';

/** A member to write. Only files have a size. */
export interface WrittenEntry {
  kind: EntryKind;
  path: Uint8Array; // relative; a directory's ends in `/`
  linkTarget?: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtimeSeconds: number;
  mtimeNanoseconds: number;
  deviceMajor?: number; // 0 unless char or block
  deviceMinor?: number;
  xattrs?: readonly ExtendedAttribute[]; // default: none
}

const PAX_OWNER = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, mtimeNanoseconds: 0 };
/** Name of the extension header itself: readers without PAX support make a file of it. */
const PAX_NAME = Buffer.from('PaxHeaders/0');
/** star's key, which GNU tar, bsdtar and Go read. */
const XATTR_PREFIX = Buffer.from('SCHILY.xattr.');

/** Two blocks of zeros end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_SIZE);

/** Returns the blocks before an entry's content. */
export function tarHeader(entry: WrittenEntry): Uint8Array {
  const { path, linkTarget = Buffer.alloc(0), mtimeSeconds, mtimeNanoseconds, xattrs = [] } = entry;
  const records: Buffer[] = [];
  const number = (key: string, value: number, digits: number): number => {
    if (value < 8 ** digits) return value;
    records.push(record(key, Buffer.from(String(value))));
    return 0;
  };
  if (!fits(path)) records.push(record('path', path));
  if (!fits(linkTarget)) records.push(record('linkpath', linkTarget));
  const uid = number('uid', entry.uid, 7);
  const gid = number('gid', entry.gid, 7);
  const size = number('size', entry.size, 11);
  const isPlainTime = mtimeNanoseconds === 0 && mtimeSeconds >= 0 && mtimeSeconds < 8 ** 11;
  if (!isPlainTime) records.push(record('mtime', Buffer.from(decimalTime(mtimeSeconds, mtimeNanoseconds))));
  const mtime = isPlainTime ? mtimeSeconds : 0;
  for (const { name, value } of xattrs) records.push(record(Buffer.concat([XATTR_PREFIX, name]), value));
  const header = block({ ...entry, uid, gid, size, mtimeSeconds: mtime }, TYPE_FLAGS[entry.kind]);
  if (records.length === 0) return header;
  const data = Buffer.concat(records);
  const pax = block({ ...PAX_OWNER, path: PAX_NAME, size: data.length }, PAX_HEADER);
  return Buffer.concat([pax, data, tarPadding(data.length), header]);
}

/** Returns the padding after content of `size` bytes. */
export function tarPadding(size: number): Uint8Array {
  return TAR_END.subarray(0, paddingAfter(size));
}

/**
 * Returns whether the text fits a header's field. Beyond ASCII, readers disagree about header
 * fields, but not about PAX records.
 */
function fits(text: Uint8Array): boolean {
  return text.length <= NAME.width && text.every((byte) => byte < 0x80);
}

/** Returns a header block. What does not fit its field must be in PAX records. */
function block(entry: Omit<WrittenEntry, 'kind'>, type: number): Buffer {
  const bytes = Buffer.allocUnsafe(BLOCK_SIZE).fill(0); // from Node's pool: a tar has many
  const number = ({ at, width }: Field, value: number) => bytes.write(octal(value, width - 1), at);
  bytes.set(entry.path.subarray(0, NAME.width), NAME.at);
  number(MODE, entry.mode);
  number(UID, entry.uid);
  number(GID, entry.gid);
  number(SIZE, entry.size);
  number(MTIME, entry.mtimeSeconds);
  bytes[TYPE_AT] = type;
  if (entry.linkTarget) bytes.set(entry.linkTarget.subarray(0, LINK_NAME.width), LINK_NAME.at);
  bytes.write('ustar\x0000', MAGIC_AT, 'latin1');
  if (entry.deviceMajor !== undefined) {
    writeDeviceNumber(bytes, DEVICE_MAJOR.at, entry.deviceMajor);
    writeDeviceNumber(bytes, DEVICE_MINOR.at, entry.deviceMinor ?? 0);
  }
  bytes.fill(' ', CHECKSUM.at, CHECKSUM.at + CHECKSUM.width);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\0 `, CHECKSUM.at, 'latin1');
  return bytes;
}

/** Devices have no PAX record. Past seven octal digits, a number is base-256, as in GNU tar. */
function writeDeviceNumber(bytes: Buffer, at: number, value: number): void {
  if (value < 8 ** 7) {
    bytes.write(octal(value, 7), at);
  } else {
    bytes[at] = 0x80;
    bytes.writeUInt32BE(value, at + 4);
  }
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** Returns `LENGTH key=value\n`. The length counts its own digits. */
function record(key: string | Uint8Array, value: Uint8Array): Buffer {
  const body = Buffer.concat([
    Buffer.from(' '),
    Buffer.from(key),
    Buffer.from('='),
    value,
    Buffer.from('\n'),
  ]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** Nanoseconds are added to the seconds, even before 1970. A decimal has one sign. */
function decimalTime(seconds: number, nanoseconds: number): string {
  const isNegative = seconds < 0 && nanoseconds > 0;
  const whole = isNegative ? seconds + 1 : seconds;
  const fraction = isNegative ? 1_000_000_000 - nanoseconds : nanoseconds;
  const sign = isNegative && whole === 0 ? '-' : '';
  return fraction === 0 ? String(whole) : `${sign}${whole}.${String(fraction).padStart(9, '0')}`;
}
