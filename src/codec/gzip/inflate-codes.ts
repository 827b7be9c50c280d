/** Numbers of the wasm decoder's interface. Both sides import this file, in two languages. */

// Why `run` returned.
export const NEED_INPUT = 0; // all but the last bytes of the input are consumed
export const OUTPUT_FULL = 1; // the output limit is reached
export const BLOCK_START = 2; // between two blocks, at or past the output address asked for
export const STREAM_END = 3; // the final block is done; at most 7 bits of padding were dropped
export const FAULT = 4; // not a deflate stream: `faultCode` says why

// Why a stream was refused.
export const FAULT_CUT_SHORT = 0; // the input ended inside the stream
export const FAULT_BLOCK_TYPE = 1; // block type 3
export const FAULT_STORED_LENGTH = 2; // LEN and NLEN of a stored block are not each other's complement
export const FAULT_SYMBOL_COUNT = 3; // HLIT over 286 or HDIST over 30
export const FAULT_LENGTH_CODE = 4; // the code of the code lengths is over-subscribed or incomplete
export const FAULT_LENGTH_REPEAT = 5; // a repeat before the first length, or past the last
export const FAULT_NO_BLOCK_END = 6; // end-of-block has no code
export const FAULT_LITLEN_CODE = 7; // the literal/length code is over-subscribed or incomplete
export const FAULT_DISTANCE_CODE = 8; // the distance code is over-subscribed or incomplete
export const FAULT_LITLEN_SYMBOL = 9; // a code that stands for nothing, or for 286 or 287
export const FAULT_DISTANCE_SYMBOL = 10; // a code that stands for nothing, or for 30 or 31
export const FAULT_DISTANCE_TOO_FAR = 11; // a match from before the start of the stream or of the window
export const FAULT_WINDOW_SHORT = 12; // a match reads a byte of the window that was not kept
