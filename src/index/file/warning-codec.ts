import { packStrings, unpackStrings } from './packed-columns.js';

export function packWarnings(warnings: readonly string[]): Iterable<Uint8Array> {
  const bytes = warnings.map((warning) => Buffer.from(warning));
  const starts = new Uint32Array(bytes.length + 1);
  for (const [i, { length }] of bytes.entries()) starts[i + 1] = starts[i]! + length;
  return packStrings({ starts, heap: Buffer.concat(bytes) });
}

export function unpackWarnings(packed: Uint8Array): string[] {
  const { starts, heap } = unpackStrings(packed);
  return Array.from({ length: starts.length - 1 }, (_, i) =>
    Buffer.from(heap.subarray(starts[i], starts[i + 1])).toString(),
  );
}
