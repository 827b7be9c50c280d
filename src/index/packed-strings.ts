import {
  COUNT_LENGTH,
  damaged,
  packCount,
  packIntegers,
  unpackCount,
  unpackIntegers,
} from './integer-planes.js';

/** Byte strings of a section: `starts` has one offset more than there are strings. */
export interface Strings {
  starts: Uint32Array;
  heap: Uint8Array;
}

/** Count, lengths and bytes; nothing if all strings are empty. */
export function* packStrings(starts: Uint32Array, heap: Uint8Array): Iterable<Uint8Array> {
  if (heap.length === 0) return;
  const lengths = new Uint32Array(starts.length - 1);
  for (let i = 0; i < lengths.length; i++) lengths[i] = starts[i + 1]! - starts[i]!;
  yield packCount(lengths.length);
  yield packIntegers(lengths, lengths.length);
  yield heap;
}

/**
 * The heap is a view of `packed`.
 * @param wanted number of strings; default: as many as there are
 * @throws LayerslayerError CORRUPT_LAYER if the lengths don't fit
 */
export function unpackStrings(packed: Uint8Array, wanted = unpackCount(packed)): Strings {
  const starts = new Uint32Array(wanted + 1);
  if (packed.length === 0) return { starts, heap: packed };
  if (unpackCount(packed) !== wanted) throw damaged();
  const heap = packed.subarray(unpackIntegers(packed, COUNT_LENGTH, starts.subarray(1)));
  for (let i = 1, end = 0; i <= wanted; i++) {
    end += starts[i]!;
    starts[i] = end;
  }
  if (starts[wanted] !== heap.length) throw damaged();
  return { starts, heap };
}
