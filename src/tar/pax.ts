/**
 * PAX records: `length key=value\n`, told apart by their length alone, so that values hold any bytes.
 * (POSIX pax, "pax Extended Header"; what is accepted is what Go's archive/tar accepts.)
 */
import { corruptTar } from './corrupt.js';
import type { ExtendedAttribute } from './entry.js';
import { parseDecimal } from './numbers.js';

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

const XATTR_PREFIX = 'SCHILY.xattr.';

/** Sparse format 0.0 repeats these two keys, a pair a segment. */
const SPARSE_OFFSET = 'GNU.sparse.offset';
const SPARSE_LENGTH = 'GNU.sparse.numbytes';

/** Keys with a meaning here; all others are passed over. */
const KEYS = [
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'mtime',
  'GNU.sparse.major',
  'GNU.sparse.minor',
  'GNU.sparse.name',
  'GNU.sparse.size',
  'GNU.sparse.realsize',
  'GNU.sparse.numblocks',
  'GNU.sparse.map',
] as const;
export type PaxKey = (typeof KEYS)[number];

// Maps and sets, never objects: a key is the archive's choice and may be `__proto__`.
const KNOWN: ReadonlySet<string> = new Set(KEYS);

/** Records of one `x` header. Values are views of its data; one that came empty is not there. */
export interface PaxRecords {
  readonly values: ReadonlyMap<PaxKey, Uint8Array>;
  readonly xattrs: readonly ExtendedAttribute[];
  /** `[offset, length, …]` from the repeated keys of sparse format 0.0, undefined when there were none. */
  readonly sparsePairs: number[] | undefined;
}

/**
 * @param data of the header, whole
 * @param offset of its header block, for messages
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function parsePax(data: Uint8Array, offset: number): PaxRecords {
  const text = Buffer.from(data.buffer, data.byteOffset, data.length);
  const values = new Map<PaxKey, Uint8Array>();
  const xattrs = new Map<string, ExtendedAttribute>();
  let sparsePairs: number[] | undefined;

  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(SPACE, at);
    const length = space < 0 ? undefined : parseDecimal(data, at, space);
    const end = at + (length ?? 0); // of the record, after its newline
    if (length === undefined || end > data.length || end <= space + 1 || data[end - 1] !== NEWLINE) {
      throw corruptTar(offset, `PAX record at byte ${at} of ${data.length} is no "length key=value" line`);
    }
    const equals = data.indexOf(EQUALS, space + 1);
    if (equals <= space + 1 || equals >= end - 1) {
      throw corruptTar(offset, `PAX record at byte ${at} of ${data.length} has no key`);
    }
    const key = text.toString('latin1', space + 1, equals);
    // A NUL would end the name early for whoever lists xattrs.
    if (key.includes('\0')) throw corruptTar(offset, `PAX record at byte ${at} has a NUL in its key`);
    const value = data.subarray(equals + 1, end - 1);
    at = end;

    if (key === SPARSE_OFFSET || key === SPARSE_LENGTH) {
      sparsePairs ??= [];
      const number = parseDecimal(value, 0, value.length);
      const turn = sparsePairs.length % 2 === 0 ? SPARSE_OFFSET : SPARSE_LENGTH;
      if (key !== turn || number === undefined) {
        throw corruptTar(offset, `${key} is no number or out of turn, want ${turn}`);
      }
      sparsePairs.push(number);
    } else if (key.startsWith(XATTR_PREFIX)) {
      const name = data.subarray(equals - key.length + XATTR_PREFIX.length, equals);
      putOrRemove(xattrs, key, value.length > 0 ? { name, value } : undefined);
    } else if (isKnown(key)) {
      putOrRemove(values, key, value.length > 0 ? value : undefined);
    }
  }
  return { values, xattrs: xattrs.size > 0 ? [...xattrs.values()] : NO_XATTRS, sparsePairs };
}

/** Shared by all entries that have none. */
export const NO_XATTRS: readonly ExtendedAttribute[] = Object.freeze([]);

/** A later record of a key replaces the earlier one; an empty value removes it. */
function putOrRemove<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function isKnown(key: string): key is PaxKey {
  return KNOWN.has(key);
}
