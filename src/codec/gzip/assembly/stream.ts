/**
 * The state of the one stream an instance decodes, as it stands between calls of `run`. Loops copy what they need into
 * locals, which become machine registers, and write it back when they end.
 */
export class Stream {
  /** Address of the next input byte. */
  static input: usize = 0;
  /** Bits of the byte before `input` that are not consumed: 0 to 7 of them, in the low bits of `bits`, zeros above. */
  static bitCount: u32 = 0;
  static bits: u64 = 0;

  /** Address of the next output byte. */
  static output: usize = 0;
  /** Lowest address a match may read: the start of the stream or of its window, at most 32 KiB before an output byte. */
  static history: usize = 0;

  static phase: i32 = 0;
  /** The block at hand is the last one of the stream. */
  static finalBlock: bool = false;
  /** Bytes of the stored block at hand still to copy. */
  static storedLeft: u32 = 0;

  /** Why the last call returned FAULT. */
  static fault: i32 = 0;
}

export const PHASE_HEADER: i32 = 0; // a block header comes
export const PHASE_STORED: i32 = 1; // inside a stored block
export const PHASE_CODED: i32 = 2; // inside a block with codes; the tables are built
export const PHASE_END: i32 = 3; // after the final block
