import { promisify } from 'node:util';
import { crc32, inflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib';
import { DEFLATED, damaged, type ReadIndexBytes, type Section, type SectionName } from './index-head.js';

/** Smallest output buffer of zlib. */
const MIN_CHUNK = 64;

/** Bytes. Inflating fewer takes less time than asking another thread. */
const LARGE_SECTION = 64 * 1024;

const inflateRawLater = promisify(inflateRaw) as (bytes: Uint8Array, options: ZlibOptions) => Promise<Buffer>;

const NOTHING = new Uint8Array(0);

/** A section as it is in the file, checked. */
export interface StoredSection {
  name: SectionName;
  bytes: Uint8Array;
  size: number; // uncompressed bytes
  isDeflated: boolean;
}

/** Returns the content of a section, nothing if it was left out. */
export function readSection(
  read: ReadIndexBytes,
  name: SectionName,
  section: Section | undefined,
): Uint8Array {
  return inflated(storedSection(read, name, section));
}

export function storedSection(
  read: ReadIndexBytes,
  name: SectionName,
  section: Section | undefined,
): StoredSection {
  if (!section) return { name, bytes: NOTHING, size: 0, isDeflated: false };
  const { offset, length, size, crc, flags } = section;
  const bytes = read(offset, length);
  if (crc32(bytes) !== crc) throw damaged(name);
  const isDeflated = (flags & DEFLATED) !== 0;
  return { name, bytes, size: isDeflated ? size : length, isDeflated };
}

export function inflated({ name, bytes, size, isDeflated }: StoredSection): Uint8Array {
  if (!isDeflated) return bytes;
  try {
    const content = inflateRawSync(bytes, inflateOptions(size));
    if (content.length === size) return content;
  } catch {
    // Reported below.
  }
  throw damaged(name);
}

/** As `inflated`. A small section is not worth another thread. */
export async function inflatedLater(section: StoredSection): Promise<Uint8Array> {
  const { name, bytes, size, isDeflated } = section;
  if (!isDeflated || size < LARGE_SECTION) return inflated(section);
  try {
    const content = await inflateRawLater(bytes, inflateOptions(size));
    if (content.length === size) return content;
  } catch {
    // Reported below.
  }
  throw damaged(name);
}

/** In one piece: joining zlib's own pieces would copy them. */
function inflateOptions(size: number) {
  return { maxOutputLength: size + 1, chunkSize: Math.max(MIN_CHUNK, size + 1) };
}
