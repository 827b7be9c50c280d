/**
 * tar-stream as a second reader of the tars that we write. It shares no code with our scanner. Of
 * PAX records it applies path, linkpath and size; the others are applied here.
 */
import { extract, type Header, pack } from 'tar-stream';
import type { EntryKind, ExtendedAttribute } from '#src/tar/entry.js';

/** A member as any reader understands it. Names and values that are not UTF-8 have U+FFFD. */
export interface ReadMember {
  kind: string;
  path: string;
  linkTarget: string;
  mode: number;
  uid: number;
  gid: number;
  mtime: bigint; // nanoseconds since 1970
  device: [major: number, minor: number];
  xattrs: Record<string, string>;
  content: string; // latin1, one character a byte
}

/** What our writer is given, or our scanner returns. */
interface OurEntry {
  kind: EntryKind;
  path: Uint8Array;
  linkTarget?: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
  mtimeSeconds: number;
  mtimeNanoseconds: number;
  deviceMajor?: number;
  deviceMinor?: number;
  xattrs?: readonly ExtendedAttribute[];
}

const KINDS: Readonly<Record<string, EntryKind>> = {
  file: 'file',
  link: 'hardlink',
  symlink: 'symlink',
  directory: 'dir',
  'character-device': 'char',
  'block-device': 'block',
  fifo: 'fifo',
};

const XATTR_PREFIX = 'SCHILY.xattr.';
const NANOSECONDS = 1_000_000_000n;

/** Returns all members of a tar, as tar-stream reads it. @throws if it is no tar, or cut short */
export async function readTar(tar: Uint8Array): Promise<ReadMember[]> {
  const members: ReadMember[] = [];
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) {
    members.push(memberOf(entry.header, (await bytesOf(entry)).toString('latin1')));
  }
  return members;
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function memberOf(header: Header, content: string): ReadMember {
  const pax = (header.pax ?? {}) as Record<string, string>;
  const xattrs = Object.entries(pax).filter(([key]) => key.startsWith(XATTR_PREFIX));
  return {
    kind: KINDS[header.type] ?? header.type,
    path: header.name,
    linkTarget: header.linkname ?? '',
    mode: header.mode,
    uid: Number(pax.uid ?? header.uid),
    gid: Number(pax.gid ?? header.gid),
    mtime: pax.mtime === undefined ? BigInt(header.mtime.getTime()) * 1_000_000n : decimal(pax.mtime),
    device: [header.devmajor, header.devminor],
    xattrs: Object.fromEntries(xattrs.map(([key, value]) => [key.slice(XATTR_PREFIX.length), value])),
    content,
  };
}

/** Returns the nanoseconds of a PAX time: `-1.5` is one and a half seconds before 1970. */
function decimal(text: string): bigint {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (sign === undefined) throw new Error(`no PAX time: ${text}`);
  const nanoseconds = BigInt(whole) * NANOSECONDS + BigInt(fraction.padEnd(9, '0').slice(0, 9));
  return sign === '-' ? -nanoseconds : nanoseconds;
}

/** Returns one of our entries in the same form. */
export function asRead(entry: OurEntry, content: Uint8Array): ReadMember {
  const text = (bytes: Uint8Array = new Uint8Array(0)) => Buffer.from(bytes).toString();
  return {
    kind: entry.kind,
    path: text(entry.path),
    linkTarget: text(entry.linkTarget),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    mtime: BigInt(entry.mtimeSeconds) * NANOSECONDS + BigInt(entry.mtimeNanoseconds),
    device: [entry.deviceMajor ?? 0, entry.deviceMinor ?? 0],
    xattrs: Object.fromEntries((entry.xattrs ?? []).map(({ name, value }) => [text(name), text(value)])),
    content: Buffer.from(content).toString('latin1'),
  };
}

/** A member for tar-stream to write. */
export interface PlainMember {
  header: Parameters<ReturnType<typeof pack>['entry']>[0];
  content?: string;
}

/** Returns a tar that tar-stream wrote: ASCII names, and values that fit a ustar header. */
export async function writeTar(members: readonly PlainMember[]): Promise<Buffer> {
  const writer = pack();
  for (const { header, content = '' } of members) writer.entry(header, content);
  writer.finalize();
  return bytesOf(writer);
}
