import { garbageMade } from '../../base/process/garbage.js';
import { type Columns, EntryColumns } from '../entry-columns.js';
import { unpackAttributes, unpackEntries, unpackKinds, unpackSparse } from './entry-codec.js';
import type { SectionName } from './index-head.js';
import { unpackStrings } from './packed-columns.js';

/**
 * Decodes the sections that hold the entries.
 * @param content returns a section, inflated
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function decodeEntries(content: (name: SectionName) => Uint8Array, blobSize: number): EntryColumns {
  const packed = content('entries');
  const { length } = unpackKinds(packed);
  const paths = unpackStrings(content('paths'), length);
  const links = unpackStrings(content('links'), length);
  return entryColumns((name) => (name === 'entries' ? packed : content(name)), { paths, links }, blobSize);
}

/** As `decodeEntries`, for a caller that has decoded the names. */
export function entryColumns(
  content: (name: 'entries' | 'attributes' | 'xattrs' | 'sparse') => Uint8Array,
  names: Pick<Columns, 'paths' | 'links'>,
  blobSize: number,
): EntryColumns {
  const packedSparse = content('sparse');
  const packedEntries = content('entries');
  const sparse = unpackSparse(packedSparse);
  const rows = unpackEntries(packedEntries, sparse);
  const attributes = unpackAttributes(content('attributes'));
  const xattrs = unpackStrings(content('xattrs'), attributes.length);
  const columns = {
    ...rows,
    paths: names.paths,
    links: names.links,
    attributeSets: { ...attributes, xattrs },
    sparse,
  };
  // Everything but names existed twice.
  garbageMade(packedEntries.length + packedSparse.length);
  return new EntryColumns(columns, blobSize);
}
