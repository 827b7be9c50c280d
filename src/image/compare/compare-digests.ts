import type { Layer } from '../../engine/layer.js';
import type { ComparedFile } from './compared-files.js';

/**
 * Compares two files of the same size by the digests that tables of contents have of their chunks.
 * Nothing is read: a read would only return bytes of these digests.
 * @returns undefined if the tables do not decide it
 */
export function compareDigests(from: ComparedFile, to: ComparedFile): 'equal' | 'different' | undefined {
  const [some, others] = [chunksOf(from.layer, from.row), chunksOf(to.layer, to.row)];
  if (!some || !others || some.length !== others.length) return undefined;
  let isEqual = true;
  let hasHole = false;
  for (const [i, chunk] of some.entries()) {
    const other = others[i]!;
    if (chunk.size !== other.size) return undefined;
    if (!chunk.digest || !other.digest) hasHole = true;
    if (!sameDigest(chunk.digest, other.digest)) isEqual = false;
  }
  if (isEqual) return 'equal';
  // A hole and a chunk of zeros are the same bytes.
  return hasHole ? undefined : 'different';
}

function sameDigest(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (!one || !other) return one === other;
  return Buffer.compare(one, other) === 0;
}

const chunksOf = (layer: Layer, row: number) => layer.fileChunks?.(row);
