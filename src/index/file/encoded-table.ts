import type { Digest } from '../../oci/digest.js';
import type { EntryTable, NameTable } from '../entry-table.js';
import { NameColumns } from '../name-columns.js';
import { unpackAttributes, unpackKinds, unpackSparse } from './entry-codec.js';
import { entryColumns } from './entry-sections.js';
import { readBlobSize, readCodec, readDigest } from './head-fields.js';
import { type ReadIndexBytes, readHead, SECTIONS, type SectionName } from './index-head.js';
import { unpackStrings } from './packed-columns.js';
import { PackedTable } from './packed-table.js';
import { inflated, inflatedLater, readSection, storedSection } from './stored-section.js';

/**
 * Reads names and kinds only, in a third of the time that all columns take (measured).
 * @param limit of the bytes that the sections of names take, uncompressed
 * @returns undefined past the limit
 * @throws LayerslayerError as `decodeLayerIndex`
 */
export function decodeNames(
  read: ReadIndexBytes,
  limit: number,
): { digest: Digest; names: NameTable; size: number } | undefined {
  const { head, sections } = readHead(read);
  const sizeOf = (name: SectionName) => sections.get(SECTIONS[name][0])?.size ?? 0;
  const size = sizeOf('entries') + sizeOf('paths') + sizeOf('links');
  if (size > limit) return undefined;
  const content = (name: SectionName) => readSection(read, name, sections.get(SECTIONS[name][0]));
  const kinds = unpackKinds(content('entries'));
  const paths = unpackStrings(content('paths'), kinds.length);
  const links = unpackStrings(content('links'), kinds.length);
  return { digest: readDigest(head), names: new NameColumns(kinds, paths, links), size };
}

/** Entries of which only the names are decoded so far. */
export interface EncodedTable {
  digest: Digest;
  codec: string; // name of the blob's codec
  names: NameTable;
  /** Bytes of the sections in memory. */
  size: number;
  /**
   * Returns all columns, of which a row is read in place.
   * @throws LayerslayerError CORRUPT_LAYER
   */
  entries(): EntryTable;
}

/**
 * As `decodeNames`, but inflates large sections in libuv's pool, and keeps what all columns need.
 * @returns undefined past the limit
 * @throws LayerslayerError as `decodeLayerIndex`
 */
export async function decodeTable(read: ReadIndexBytes, limit: number): Promise<EncodedTable | undefined> {
  const { head, sections } = readHead(read);
  const large = ['entries', 'paths', 'links'] as const;
  const sizeOf = (name: SectionName) => sections.get(SECTIONS[name][0])?.size ?? 0;
  if (large.reduce((sum, name) => sum + sizeOf(name), 0) > limit) return undefined;
  const stored = (name: SectionName) => storedSection(read, name, sections.get(SECTIONS[name][0]));
  const largeSections = large.map(stored);
  const small = new Map((['attributes', 'xattrs', 'sparse'] as const).map((name) => [name, stored(name)]));
  const [packed, paths, links] = await Promise.all(largeSections.map(inflatedLater));
  const kinds = unpackKinds(packed!);
  const strings = {
    paths: unpackStrings(paths!, kinds.length),
    links: unpackStrings(links!, kinds.length),
  };
  const names = new NameColumns(kinds, strings.paths, strings.links);
  const content = (name: 'entries' | 'attributes' | 'xattrs' | 'sparse') =>
    name === 'entries' ? packed! : inflated(small.get(name)!);
  const sizes = largeSections.reduce((sum, section) => sum + section.size, 0);
  return {
    digest: readDigest(head),
    codec: readCodec(head),
    names,
    size: sizes + [...small.values()].reduce((sum, { bytes }) => sum + bytes.length, 0),
    entries() {
      const unpack = () => entryColumns(content, strings, readBlobSize(head));
      if (kinds.length === 0) return unpack();
      const attributes = unpackAttributes(content('attributes'));
      const sets = { ...attributes, xattrs: unpackStrings(content('xattrs'), attributes.length) };
      return new PackedTable(names, packed!, sets, unpackSparse(content('sparse')), unpack);
    },
  };
}
