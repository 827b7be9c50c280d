/**
 * A place in a gzip blob from which inflating can start (zran's access point). Before a checkpoint the decoder has
 * consumed `inOffset` whole bytes and, when `bits` is not 0, the low `8 - bits` bits of the byte at `inOffset - 1`:
 * the remaining high `bits` bits of that byte come first. (zran.c: `in`, `bits`, `out`, `window`.)
 */
export interface Checkpoint {
  inOffset: number; // bytes of compressed input, of the whole blob
  bits: number; // 0 to 7 unused high bits of the byte before inOffset
  outOffset: number; // bytes of uncompressed output, of the whole blob
  /**
   * What is needed of the 32 KiB before outOffset: the bytes that matches after it read, each once, in the order in which
   * they are first read; empty at the start of a member.
   */
  window: Uint8Array;
  memberStart: boolean; // true: a gzip header stands at inOffset (bits is 0); false: a deflate block header
}
