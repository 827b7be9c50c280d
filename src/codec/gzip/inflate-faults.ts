import * as codes from './inflate-codes.js';

const FAULT_TEXTS: Record<number, string> = {
  [codes.FAULT_CUT_SHORT]: 'the compressed data is cut short',
  [codes.FAULT_BLOCK_TYPE]: 'got block type 3, want 0, 1 or 2',
  [codes.FAULT_STORED_LENGTH]: "a stored block's length and its complement disagree",
  [codes.FAULT_SYMBOL_COUNT]: 'got more than 286 literal/length or 30 distance codes',
  [codes.FAULT_LENGTH_CODE]: 'the code of the code lengths is over-subscribed or incomplete',
  [codes.FAULT_LENGTH_REPEAT]: 'a repeated code length has nothing to repeat, or goes past the last',
  [codes.FAULT_NO_BLOCK_END]: 'end-of-block has no code',
  [codes.FAULT_LITLEN_CODE]: 'the literal/length code is over-subscribed or incomplete',
  [codes.FAULT_DISTANCE_CODE]: 'the distance code is over-subscribed or incomplete',
  [codes.FAULT_LITLEN_SYMBOL]: 'got a literal/length code that has no meaning',
  [codes.FAULT_DISTANCE_SYMBOL]: 'got a distance code that has no meaning',
  [codes.FAULT_DISTANCE_TOO_FAR]: 'a match reaches back before the start of the member or its window',
  [codes.FAULT_WINDOW_SHORT]: 'a match reads a byte of the window that was not kept',
};

/** What is wrong with a deflate stream, for people; `code` is one of the FAULT codes. */
export function describeFault(code: number): string {
  return FAULT_TEXTS[code] ?? `unknown fault ${code}`;
}
