/** Detects sparse files and their format. */
import { paxNumber } from './attributes.js';
import { corruptTar } from './corrupt.js';
import { GNU_SPARSE, type HeaderBlock, REAL_SIZE } from './header.js';
import { MAX_FILE_SIZE } from './limits.js';
import type { PaxRecords } from './pax.js';
import { lineMap, type MapBlocks, parseCommaMap, readGnuMap } from './sparse-map.js';

export interface SparseFile {
  pairs: readonly number[]; // its map, as far as it is read
  rest: MapBlocks | undefined; // reads more into `pairs` from the following blocks
  size: number; // logical bytes
  flaw: string | undefined; // why it can't be shown
  name: Uint8Array | undefined; // the real one, where the header's is a made-up `GNUSparseFile.0/…`
}

/**
 * Returns the entry's sparse file; undefined if it is an ordinary one.
 * @param size of the entry's data: the logical size, unless a record has another
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function sparseFile(
  header: HeaderBlock,
  pax: PaxRecords | undefined,
  size: number,
): SparseFile | undefined {
  if (header.type === GNU_SPARSE) {
    // star's sparse files have this type too, but another layout.
    if (header.format !== 'gnu') throw corruptTar(header.offset, 'a sparse file (type S) without GNU magic');
    const pairs: number[] = [];
    const rest = readGnuMap(header, pairs);
    const real = header.number(REAL_SIZE);
    return { pairs, rest, size: real, flaw: sizeFlaw(real), name: undefined };
  }
  const format = pax && sparseFormat(pax);
  if (pax === undefined || format === undefined) return undefined;
  const real = paxNumber(header, pax, 'GNU.sparse.size') ?? paxNumber(header, pax, 'GNU.sparse.realsize');
  const pairs = format === '1.0' ? [] : recordPairs(header, pax);
  return {
    pairs,
    rest: format === '1.0' ? lineMap(pairs, header.offset) : undefined,
    size: real ?? size,
    flaw: sizeFlaw(real ?? size),
    name: pax.values.get('GNU.sparse.name'),
  };
}

/** Returns the entry's format. A version that we do not know makes an ordinary file, as in Go. */
function sparseFormat(pax: PaxRecords): '0.x' | '1.0' | undefined {
  const major = pax.values.get('GNU.sparse.major');
  const minor = pax.values.get('GNU.sparse.minor');
  if (major === undefined && minor === undefined) {
    // 0.0 and 0.1 have no version. Files without data may have no more than a count of 0.
    const hasMap = pax.sparsePairs !== undefined || pax.values.has('GNU.sparse.map');
    return hasMap || pax.values.has('GNU.sparse.numblocks') ? '0.x' : undefined;
  }
  const version = `${asText(major)}.${asText(minor)}`;
  if (version === '0.0' || version === '0.1') return '0.x';
  return version === '1.0' ? version : undefined;
}

/** Returns the map of PAX 0.0 or 0.1, which is in the records. */
function recordPairs(header: HeaderBlock, pax: PaxRecords): number[] {
  const map = pax.values.get('GNU.sparse.map');
  const pairs = pax.sparsePairs ?? (map ? parseCommaMap(map, header.offset) : []);
  const stated = paxNumber(header, pax, 'GNU.sparse.numblocks');
  if (stated === undefined || pairs.length !== 2 * stated) {
    throw corruptTar(
      header.offset,
      `sparse map of ${pairs.length} numbers, want two for each of ${stated} segments`,
    );
  }
  return pairs;
}

function sizeFlaw(size: number): string | undefined {
  if (size >= 0 && size <= MAX_FILE_SIZE) return undefined;
  return `it is a sparse file of ${size} bytes, the limit is ${MAX_FILE_SIZE}`;
}

function asText(value: Uint8Array | undefined): string {
  return value === undefined ? '' : Buffer.from(value).toString('latin1');
}
