import { LayerslayerError } from '../../base/errors.js';
import { BLOCK_SIZE } from '../../blob/page.js';
import { SHA256_LENGTH, shortDigest } from '../../oci/digest.js';
import { ENTRY_KINDS } from '../../tar/entry.js';
import { xattrsOf } from '../attribute-sets.js';
import type { Columns, SparseMap } from '../entry-columns.js';
import type { LayerIndex } from '../layer-index.js';
import { LAYER_LIMITS } from '../layer-limits.js';
import { layerTableLimit, TableBudget } from '../pass/table-budget.js';
import type { CheckpointColumns } from '../states/checkpoints.js';
import { decodeLayerIndex } from './decode-index.js';
import { damaged } from './index-head.js';
import { isCount } from './verification-codec.js';

const NANOSECONDS = 1_000_000_000;
const FILE = ENTRY_KINDS.indexOf('file');

/**
 * Checks that bytes are an index of the layer, which `decodeLayerIndex` reads. Others made it, so
 * its tables may take no more memory than those of a pass. (rule L3)
 * @param isWhole a file of others, which must not say where its states are
 * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED past the limit
 */
export function checkLayerIndex(
  bytes: Uint8Array,
  { digest, blobSize }: Pick<LayerIndex, 'digest' | 'blobSize'>,
  isWhole: boolean,
): void {
  const read = (offset: number, length: number) => {
    if (offset + length <= bytes.length) return bytes.subarray(offset, offset + length);
    throw new LayerslayerError('CORRUPT_LAYER', 'layer index: it is cut short');
  };
  const limit = { layer: layerTableLimit(blobSize), image: Number.POSITIVE_INFINITY };
  const budget = new TableBudget({ ...limit, used: new SharedArrayBuffer(4) });
  const index = decodeLayerIndex(read, undefined, budget);
  checkForeignIndex(index);
  read(index.states.offset, index.states.length);
  // It could name any host.
  if (isWhole && index.remoteStates) throw damaged('the location of its states');
  if (index.detachedStates) throw damaged('the location of its states');
  if (index.digest === digest && index.blobSize === blobSize) return;
  const said = `${shortDigest(index.digest)}, ${index.blobSize} bytes`;
  throw new LayerslayerError('CORRUPT_LAYER', `layer index: it is of another layer (${said})`);
}

/**
 * Checks the numbers in an index that others published. Its bytes are as they were written, but
 * any program may have written them. What uses an index counts on these ranges.
 * @throws LayerslayerError CORRUPT_LAYER
 */
function checkForeignIndex(index: LayerIndex): void {
  const { tarSize, blobSize, entries, checkpoints, verification } = index;
  if (tarSize > LAYER_LIMITS.tarBytes) throw impossible('size');
  checkEntries(entries.columns, tarSize);
  checkCheckpoints(checkpoints, index);
  if (verification.kind !== 'blocks') return;
  const blocks = Math.ceil(blobSize / BLOCK_SIZE);
  if (verification.digests.length !== blocks * SHA256_LENGTH) throw impossible('number of block digests');
}

function checkEntries(columns: Columns, tarSize: number): void {
  const { length, kinds, attributes, attributeSets, sizes, dataOffsets, sparse } = columns;
  for (let set = 0; set < attributeSets.length; set++) {
    try {
      xattrsOf(attributeSets, set);
    } catch {
      throw impossible('xattrs'); // a length leads out of them
    }
  }
  for (let row = 0; row < length; row++) {
    const size = sizes[row]!;
    const dataOffset = dataOffsets[row]!;
    const map = sparse.get(row);
    const isFile = kinds[row] === FILE;
    const stored = isFile ? (map?.storedSize ?? size) : 0;
    const isPossible =
      kinds[row]! < ENTRY_KINDS.length &&
      attributes[row]! < attributeSets.length &&
      isCount(size) &&
      isCount(dataOffset) &&
      dataOffset + stored <= tarSize &&
      Number.isSafeInteger(columns.mtimeSeconds[row]!) &&
      columns.mtimeNanoseconds[row]! < NANOSECONDS &&
      (!map || (isFile && isSparseMap(map, size)));
    if (!isPossible) throw impossible(`entry ${row}`);
  }
}

/** Segments ascend inside the file, and their data has `storedSize` bytes. */
function isSparseMap({ segments, storedSize }: SparseMap, size: number): boolean {
  let end = 0;
  let stored = 0;
  for (let i = 0; i < segments.length; i += 2) {
    const offset = segments[i]!;
    const length = segments[i + 1]!;
    if (!isCount(offset) || !isCount(length) || offset < end) return false;
    end = offset + length;
    stored += length;
  }
  return end <= size && stored === storedSize;
}

function checkCheckpoints(checkpoints: CheckpointColumns, { blobSize, tarSize }: LayerIndex): void {
  const { length, inOffsets, outOffsets } = checkpoints;
  if (length > 0 && outOffsets[0] !== 0) throw impossible('checkpoint 0');
  for (let i = 0; i < length; i++) {
    const isPossible =
      isCount(inOffsets[i]!) &&
      isCount(outOffsets[i]!) &&
      inOffsets[i]! >= (inOffsets[i - 1] ?? 0) &&
      outOffsets[i]! >= (outOffsets[i - 1] ?? 0) &&
      inOffsets[i]! <= blobSize &&
      outOffsets[i]! <= tarSize;
    if (!isPossible) throw impossible(`checkpoint ${i}`);
  }
}

function impossible(what: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `layer index: impossible ${what}`);
}
