/** The state between calls of `run`. Loops copy it to locals, which become registers, and back. */
export class Stream {
  /** Address of the next input byte. */
  static input: usize = 0;
  /** Unconsumed bits of the byte before `input`, 0 to 7: the low ones of `bits`, zeros above. */
  static bitCount: u32 = 0;
  static bits: u64 = 0;

  /** Address of the next output byte. */
  static output: usize = 0;
  /** Lowest address that a match may read: the start of the stream or of its window. */
  static history: usize = 0;

  static phase: i32 = 0;
  static finalBlock: bool = false;
  /** Bytes of the stored block still to copy. */
  static storedLeft: u32 = 0;

  /** Why the last call returned FAULT. */
  static fault: i32 = 0;
}

export const PHASE_HEADER: i32 = 0; // a block header comes
export const PHASE_STORED: i32 = 1; // inside a stored block
export const PHASE_CODED: i32 = 2; // inside a block with codes; the tables are built
export const PHASE_END: i32 = 3; // after the final block
