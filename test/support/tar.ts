/**
 * Builds tars by tiny constructors. Each constructor returns the bytes of one or more members;
 * `tarOf` joins them. Names, targets and values are strings (UTF-8) or raw bytes. It shares no code
 * with the scanner, and hostile archives are as easy as sane ones.
 */

export type Bytes = string | Uint8Array;

/** Attributes of a member; what does not fit a ustar field goes into a PAX header before it. */
export interface Attributes {
  mode?: number;
  uid?: number;
  gid?: number;
  mtime?: number | string; // seconds; a string is a PAX decimal with as many digits as it has: '-1.5'
  xattrs?: Records; // without the SCHILY.xattr. prefix
  pax?: Records; // more PAX records
  header?: HeaderFields; // fields of the 512-byte block as they shall stand, lies included
}

/** PAX records; a list of pairs when a key comes twice or the order counts. */
export type Records = Readonly<Record<string, Bytes>> | readonly (readonly [string, Bytes])[];

/**
 * Fields of the header block. Numbers are written in octal, bytes as they are: `base256()` or
 * garbage.
 */
export interface HeaderFields {
  name?: Bytes;
  mode?: number | Uint8Array;
  uid?: number | Uint8Array;
  gid?: number | Uint8Array;
  size?: number | Uint8Array;
  mtime?: number | Uint8Array;
  checksum?: Uint8Array; // else the right one
  type?: string; // one latin1 character
  linkName?: Bytes;
  magic?: Bytes; // else MAGIC.ustar
  major?: number | Uint8Array;
  minor?: number | Uint8Array;
  prefix?: Bytes;
  /** Anything else: bytes and where they stand in the block. */
  patches?: readonly { at: number; bytes: Bytes }[];
}

/** A piece of data of a sparse file. */
export interface Piece {
  offset: number;
  data: Bytes;
}

const BLOCK = 512;

/** mtime of every member that does not say another. */
export const DEFAULT_MTIME = 1_500_000_000;

/** Magic and version: 8 bytes at 257. */
export const MAGIC = { ustar: 'ustar\x0000', gnu: 'ustar  \0', v7: '\0\0\0\0\0\0\0\0' } as const;

/** A whole archive: the members and two zero blocks. */
export function tarOf(...members: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...members, zeroBlock(), zeroBlock()]);
}

/** The members without end-of-archive blocks. */
export function unterminated(...members: readonly Uint8Array[]): Buffer {
  return Buffer.concat(members);
}

/** 512 zeros. */
export function zeroBlock(): Buffer {
  return Buffer.alloc(BLOCK);
}

/** A regular file. */
export function file(path: Bytes, content: Bytes = '', attributes: Attributes = {}): Buffer {
  return member('0', path, '', content, { mode: 0o644, ...attributes });
}

/** A directory; the path is written as given, with or without its `/`. */
export function dir(path: Bytes, attributes: Attributes = {}): Buffer {
  return member('5', path, '', '', { mode: 0o755, ...attributes });
}

/** A symbolic link to `target`. */
export function symlink(path: Bytes, target: Bytes, attributes: Attributes = {}): Buffer {
  return member('2', path, target, '', { mode: 0o777, ...attributes });
}

/** A hard link to the member named `target`. */
export function hardlink(path: Bytes, target: Bytes, attributes: Attributes = {}): Buffer {
  return member('1', path, target, '', { mode: 0o644, ...attributes });
}

/** A character device. */
export function char(path: Bytes, major: number, minor: number, attributes: Attributes = {}): Buffer {
  return device('3', path, major, minor, attributes);
}

/** A block device. */
export function block(path: Bytes, major: number, minor: number, attributes: Attributes = {}): Buffer {
  return device('4', path, major, minor, attributes);
}

/** A named pipe. */
export function fifo(path: Bytes, attributes: Attributes = {}): Buffer {
  return member('6', path, '', '', { mode: 0o644, ...attributes });
}

/** The marker that hides `path` of lower layers: `whiteout('a/b')` is the empty file `a/.wh.b`. */
export function whiteout(path: string, attributes: Attributes = {}): Buffer {
  const slash = path.lastIndexOf('/') + 1;
  return file(`${path.slice(0, slash)}.wh.${path.slice(slash)}`, '', attributes);
}

/** The marker that hides everything lower layers have in `directory` (`''`: the root). */
export function opaque(directory: string, attributes: Attributes = {}): Buffer {
  const parent = directory === '' || directory.endsWith('/') ? directory : `${directory}/`;
  return file(`${parent}.wh..wh..opq`, '', attributes);
}

/** An `x` header: PAX records for the next member. */
export function paxHeader(records: Records, header: HeaderFields = {}): Buffer {
  return extension('x', 'PaxHeaders/x', paxRecords(records), header);
}

/** A `g` header: PAX records for all members that follow (which readers here ignore). */
export function paxGlobal(records: Records): Buffer {
  return extension('g', 'pax_global_header', paxRecords(records));
}

/** An `L` header: the GNU long name of the next member. */
export function gnuLongName(name: Bytes): Buffer {
  return extension('L', '././@LongLink', Buffer.concat([toBytes(name), Buffer.of(0)]), { magic: MAGIC.gnu });
}

/** A `K` header: the GNU long link target of the next member. */
export function gnuLongLink(target: Bytes): Buffer {
  return extension('K', '././@LongLink', Buffer.concat([toBytes(target), Buffer.of(0)]), {
    magic: MAGIC.gnu,
  });
}

/**
 * Type `S`: a sparse file with its map in the header and, from the fifth segment on, in extension
 * blocks.
 */
export function oldGnuSparse(
  path: Bytes,
  size: number,
  pieces: readonly Piece[],
  header: HeaderFields = {},
): Buffer {
  const IN_HEADER = 4; // pieces, at 386
  const IN_EXTENSION = 21; // pieces, at 0
  const content = Buffer.concat(pieces.map((piece) => toBytes(piece.data)));
  const extensions: Buffer[] = [];
  for (let first = IN_HEADER; first < pieces.length; first += IN_EXTENSION) {
    const extended = zeroBlock();
    gnuMap(pieces.slice(first, first + IN_EXTENSION)).copy(extended);
    extended[504] = first + IN_EXTENSION < pieces.length ? 1 : 0;
    extensions.push(extended);
  }
  const patches = [
    { at: 386, bytes: gnuMap(pieces.slice(0, IN_HEADER)) },
    { at: 482, bytes: Buffer.of(extensions.length > 0 ? 1 : 0) },
    { at: 483, bytes: numeric(size, 12) },
    ...(header.patches ?? []),
  ];
  const fields = {
    type: 'S',
    name: path,
    size: content.length,
    magic: MAGIC.gnu,
    mode: 0o644,
    ...header,
    patches,
  };
  return Buffer.concat([headerBlock(fields), ...extensions, padded(content)]);
}

/** A sparse file in one of GNU's three PAX formats, as GNU tar writes them. */
export function paxSparse(
  version: '0.0' | '0.1' | '1.0',
  path: string,
  size: number,
  pieces: readonly Piece[],
  more: Records = {},
): Buffer {
  const data = Buffer.concat(pieces.map((piece) => toBytes(piece.data)));
  const numbers = pieces.flatMap((piece) => [piece.offset, toBytes(piece.data).length]);
  const records: [string, Bytes][] = [];
  let content = data;
  if (version === '1.0') {
    const map = padded(`${[pieces.length, ...numbers].join('\n')}\n`);
    content = Buffer.concat([map, data]);
    records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0']);
    records.push(['GNU.sparse.name', path], ['GNU.sparse.realsize', `${size}`]);
  } else {
    records.push(['GNU.sparse.size', `${size}`], ['GNU.sparse.numblocks', `${pieces.length}`]);
    if (version === '0.1') records.push(['GNU.sparse.name', path], ['GNU.sparse.map', numbers.join(',')]);
    else {
      for (const [i, number] of numbers.entries()) {
        records.push([i % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes', `${number}`]);
      }
    }
  }
  const name = version === '0.0' ? path : `GNUSparseFile.0/${path}`;
  return file(name, content, { pax: [...records, ...pairs(more)] });
}

/** Bytes as they are, filled up to a whole block. */
export function raw(bytes: Bytes): Buffer {
  return padded(bytes);
}

/** A header block with a right checksum (unless `checksum` says otherwise). */
export function headerBlock(fields: HeaderFields): Buffer {
  const out = Buffer.alloc(BLOCK);
  const put = (bytes: Bytes, at: number, width: number) => toBytes(bytes).copy(out, at, 0, width);
  put(fields.name ?? '', 0, 100);
  put(numeric(fields.mode ?? 0, 8), 100, 8);
  put(numeric(fields.uid ?? 0, 8), 108, 8);
  put(numeric(fields.gid ?? 0, 8), 116, 8);
  put(numeric(fields.size ?? 0, 12), 124, 12);
  put(numeric(fields.mtime ?? DEFAULT_MTIME, 12), 136, 12);
  put(Buffer.from(fields.type ?? '0', 'latin1'), 156, 1);
  put(fields.linkName ?? '', 157, 100);
  put(fields.magic ?? MAGIC.ustar, 257, 8);
  if (fields.major !== undefined) put(numeric(fields.major, 8), 329, 8);
  if (fields.minor !== undefined) put(numeric(fields.minor, 8), 337, 8);
  if (fields.prefix !== undefined) put(fields.prefix, 345, 155);
  for (const patch of fields.patches ?? []) put(patch.bytes, patch.at, BLOCK);
  return sealed(out, fields.checksum);
}

/** The block with its checksum field set: the sum of its bytes, that field counted as spaces. */
export function sealed(header: Uint8Array, checksum?: Uint8Array): Buffer {
  const out = Buffer.from(header);
  out.fill(' ', 148, 156);
  const sum = out.reduce((total, byte) => total + byte, 0);
  (checksum ? Buffer.from(checksum) : Buffer.from(`${octal(sum, 7)}\0 `)).copy(out, 148, 0, 8);
  return out;
}

/** Octal digits and, as the last of `width` bytes, nothing: `octal(8, 8)` is `0000010`. */
export function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, '0');
}

/** A number in GNU's base-256 form, negative ones in two's complement. */
export function base256(value: number | bigint, width: number): Buffer {
  const out = Buffer.alloc(width);
  let rest = BigInt(value);
  for (let i = width - 1; i >= 0; i--) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  out[0]! |= 0x80;
  return out;
}

/** `length key=value\n` records. */
export function paxRecords(records: Records): Buffer {
  return Buffer.concat(
    pairs(records).map(([key, value]) => {
      const body = Buffer.concat([Buffer.from(` ${key}=`), toBytes(value), Buffer.from('\n')]);
      let length = body.length + 1;
      while (String(length).length + body.length !== length) length = String(length).length + body.length;
      return Buffer.concat([Buffer.from(String(length)), body]);
    }),
  );
}

function member(type: string, path: Bytes, target: Bytes, content: Bytes, attributes: Attributes): Buffer {
  const { mode, uid = 0, gid = 0, mtime = DEFAULT_MTIME, header = {} } = attributes;
  const data = toBytes(content);
  const records: [string, Bytes][] = [];
  const fits = (key: string, value: number, digits: number) => {
    if (value >= 0 && value < 8 ** digits) return value;
    records.push([key, String(value)]);
    return 0;
  };
  if (toBytes(path).length > 100) records.push(['path', path]);
  if (toBytes(target).length > 100) records.push(['linkpath', target]);
  const fields: HeaderFields = {
    type,
    name: toBytes(path).subarray(0, 100),
    linkName: toBytes(target).subarray(0, 100),
    mode: mode ?? 0,
    uid: fits('uid', uid, 7),
    gid: fits('gid', gid, 7),
    mtime: Number.isInteger(mtime) ? fits('mtime', mtime as number, 11) : 0,
    size: data.length,
    ...header,
  };
  if (!Number.isInteger(mtime)) records.push(['mtime', String(mtime)]);
  for (const [name, value] of pairs(attributes.xattrs ?? {})) records.push([`SCHILY.xattr.${name}`, value]);
  records.push(...pairs(attributes.pax ?? {}));
  const before = records.length > 0 ? paxHeader(records) : Buffer.alloc(0);
  return Buffer.concat([before, headerBlock(fields), padded(data)]);
}

function device(type: string, path: Bytes, major: number, minor: number, attributes: Attributes): Buffer {
  const header = { major, minor, ...attributes.header };
  return member(type, path, '', '', { mode: 0o600, ...attributes, header });
}

function extension(type: string, name: string, data: Buffer, header: HeaderFields = {}): Buffer {
  return Buffer.concat([
    headerBlock({ type, name, size: data.length, mode: 0o644, ...header }),
    padded(data),
  ]);
}

function gnuMap(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(
    pieces.flatMap((piece) => [numeric(piece.offset, 12), numeric(toBytes(piece.data).length, 12)]),
  );
}

/** Octal when it fits the field, else base-256. */
function numeric(value: number | Uint8Array, width: number): Buffer {
  if (typeof value !== 'number') return Buffer.from(value);
  if (value < 0 || value >= 8 ** (width - 1)) return base256(value, width);
  return Buffer.from(`${octal(value, width)}\0`);
}

function padded(bytes: Bytes): Buffer {
  const data = toBytes(bytes);
  return Buffer.concat([data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

function toBytes(bytes: Bytes): Buffer {
  return typeof bytes === 'string'
    ? Buffer.from(bytes)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function pairs(records: Records): [string, Bytes][] {
  const list: readonly (readonly [string, Bytes])[] = Array.isArray(records)
    ? records
    : Object.entries(records);
  return list.map(([key, value]) => [key, value]);
}
