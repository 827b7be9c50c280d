import { createHash } from 'node:crypto';
import { LayerslayerError } from '../base/errors.js';
import { type Digest, isDigest } from '../oci/digest.js';
import { parseJsonObject } from '../oci/json.js';
import { MergedTree } from './merged-tree.js';
import type { NumberedLayer } from './tree.js';

/**
 * A merged tree as one file, so that a second mount of an image needs no merge:
 *
 *     magic, version, header length (u32 each) | SHA-256 of what follows | header | columns
 *
 * The header is JSON. Columns start at multiples of eight, in this machine's byte order, and are
 * used in place. Names and attributes are in the layers' tables: the tree needs the tables that it
 * was merged from. Any damage is CORRUPT_LAYER: the layers are merged again.
 */

const MAGIC = 0x5254534c; // "LSTR"
/** Raised with every change of the format, and of what a merge makes of the same layers. */
export const TREE_VERSION = 1;
const CHECKSUM_OFFSET = 12;
const HEADER_OFFSET = CHECKSUM_OFFSET + 32;
const ALIGNMENT = 8; // bytes
/** A longer header is damage. */
const MAX_HEADER_LENGTH = 64 * 1024 * 1024;

interface Header {
  /** Of each layer: its number, its table's rows and the bytes of its paths. */
  layers: [number: number, entries: number, pathBytes: number][];
  inodes: number;
  dentries: number;
  spareBytes: number; // of names that link targets contain
  blocks: number;
  warnings: readonly string[];
  /** Digests of the layers. A merge does without; they say which images have the tree. */
  digests?: readonly string[];
}

export interface DecodedTree {
  tree: MergedTree;
  warnings: readonly string[]; // the merge's, of skipped entries
}

export function encodeTree(
  tree: MergedTree,
  layers: readonly (NumberedLayer & { layer?: { digest: Digest } })[],
  warnings: readonly string[],
): Uint8Array {
  const spare = tree.dentries.heaps[layers.length]!;
  const header: Header = {
    layers: describe(layers),
    inodes: tree.inodeCount,
    dentries: tree.dentries.inodes.length,
    spareBytes: spare.length,
    blocks: tree.blocks,
    warnings,
    digests: layers.flatMap(({ layer }) => layer?.digest ?? []),
  };
  const headerBytes = Buffer.from(JSON.stringify(header));
  const columns = [...columnsOf(tree), spare];
  let size = aligned(HEADER_OFFSET + headerBytes.length);
  for (const column of columns) size = aligned(size + column.byteLength);
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(TREE_VERSION, 4);
  bytes.writeUInt32LE(headerBytes.length, 8);
  headerBytes.copy(bytes, HEADER_OFFSET);
  let at = aligned(HEADER_OFFSET + headerBytes.length);
  for (const column of columns) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at = aligned(at + column.byteLength);
  }
  createHash('sha256').update(bytes.subarray(HEADER_OFFSET)).digest().copy(bytes, CHECKSUM_OFFSET);
  return bytes;
}

/**
 * Returns the digests of the layers that an encoded tree was merged from. Reads only its header,
 * and checks nothing else.
 * @returns undefined if it has none, or is damaged
 */
export function digestsOfTree(
  read: (offset: number, length: number) => Uint8Array | undefined,
): Digest[] | undefined {
  try {
    const head = Buffer.from(read(0, HEADER_OFFSET) ?? []);
    if (head.length < HEADER_OFFSET || head.readUInt32LE(0) !== MAGIC) return undefined;
    const length = head.readUInt32LE(8);
    if (length > MAX_HEADER_LENGTH) return undefined;
    const { digests } = parseJsonObject(read(HEADER_OFFSET, length) ?? head, 'header of a tree');
    return Array.isArray(digests) && digests.length > 0 && digests.every(isDigest) ? digests : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param bytes owned by the tree from now on
 * @param layers that it was merged from
 * @throws LayerslayerError CORRUPT_LAYER for any damage, another version, or other layers
 */
export function decodeTree(bytes: Uint8Array, layers: readonly NumberedLayer[]): DecodedTree {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < HEADER_OFFSET || file.readUInt32LE(0) !== MAGIC || file.readUInt32LE(4) !== TREE_VERSION)
    throw damaged('magic');
  const checksum = createHash('sha256').update(file.subarray(HEADER_OFFSET)).digest();
  if (!checksum.equals(file.subarray(CHECKSUM_OFFSET, HEADER_OFFSET))) throw damaged('checksum');
  // Checked: from here on the bytes are those that encodeTree wrote.
  const headerLength = file.readUInt32LE(8);
  if (headerLength > MAX_HEADER_LENGTH) throw damaged('header length');
  const headerEnd = HEADER_OFFSET + headerLength;
  const header = JSON.parse(file.toString('utf8', HEADER_OFFSET, headerEnd)) as Header;
  if (JSON.stringify(header.layers) !== JSON.stringify(describe(layers))) throw damaged('its layers');

  const { inodes, dentries } = header;
  let at = aligned(headerEnd);
  const take = <C extends { byteLength: number }>(
    column: { new (buffer: ArrayBufferLike, offset: number, length: number): C },
    length: number,
  ): C => {
    const taken = new column(bytes.buffer, bytes.byteOffset + at, length);
    at = aligned(at + taken.byteLength);
    return taken;
  };
  const tree = new MergedTree(
    {
      tables: layers.map((layer) => layer.entries),
      layerNumbers: layers.map((layer) => layer.number),
      kinds: take(Uint8Array, inodes + 1),
      layers: take(Uint16Array, inodes + 1),
      rows: take(Int32Array, inodes + 1),
      nlinks: take(Uint32Array, inodes + 1),
      parents: take(Uint32Array, inodes + 1),
    },
    {
      childStarts: take(Uint32Array, inodes + 2),
      inodes: take(Uint32Array, dentries),
      nameHeaps: take(Uint16Array, dentries),
      nameStarts: take(Uint32Array, dentries),
      nameLengths: take(Uint8Array, dentries),
      heaps: [...layers.map((layer) => layer.entries.pathHeap), take(Uint8Array, header.spareBytes)],
    },
    { blocks: header.blocks },
  );
  return { tree, warnings: header.warnings };
}

/** In the order of the file. */
function columnsOf({ inodes, dentries }: MergedTree) {
  return [
    inodes.kinds,
    inodes.layers,
    inodes.rows,
    inodes.nlinks,
    inodes.parents,
    dentries.childStarts,
    dentries.inodes,
    dentries.nameHeaps,
    dentries.nameStarts,
    dentries.nameLengths,
  ];
}

function describe(layers: readonly NumberedLayer[]): Header['layers'] {
  return layers.map(({ number, entries }) => [number, entries.length, entries.pathHeap.length]);
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function damaged(what: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `kept tree: ${what} is not as written`);
}
