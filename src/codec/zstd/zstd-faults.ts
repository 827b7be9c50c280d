import * as codes from './zstd-codes.js';

const FAULT_TEXTS: Record<number, string> = {
  [codes.FAULT_LITERALS]: 'the literals section is cut short, or longer than a block',
  [codes.FAULT_TREE]: 'the description of the Huffman tree is wrong',
  [codes.FAULT_NO_TREE]: 'the literals repeat a Huffman tree, and no block before has one',
  [codes.FAULT_STREAMS]: 'a Huffman stream does not end at its last bit, or does not fit its block',
  [codes.FAULT_SEQUENCES]: 'the header of the sequences section is wrong or cut short',
  [codes.FAULT_TABLE]: 'the description of an FSE table is wrong',
  [codes.FAULT_NO_TABLE]: 'the sequences repeat an FSE table, and no block before has one',
  [codes.FAULT_BITS]: "the sequences' stream does not end at its last bit",
  [codes.FAULT_OFFSET]: 'a match reaches back before the start of the frame or its window',
  [codes.FAULT_LENGTH]: 'the sequences make more output, or use more literals, than the block has',
  [codes.FAULT_WINDOW_SHORT]: 'a match reads a byte of the window that was not kept',
  [codes.FAULT_STATE]: "the checkpoint's tables are damaged",
};

/** Describes what is wrong with a block; `code` is one of the FAULT codes. */
export function describeFault(code: number): string {
  return FAULT_TEXTS[code] ?? `unknown fault ${code}`;
}
