/** Why the wasm decoder refused a block. Both sides import this file, in two languages. */
export const FAULT_LITERALS = 1; // the literals section is cut short, or longer than a block
export const FAULT_TREE = 2; // the description of the Huffman tree is wrong
export const FAULT_NO_TREE = 3; // literals without a tree, and no block before has one
export const FAULT_STREAMS = 4; // a Huffman stream does not end at its last bit, or has no size
export const FAULT_SEQUENCES = 5; // the header of the sequences section is wrong or cut short
export const FAULT_TABLE = 6; // the description of an FSE table is wrong
export const FAULT_NO_TABLE = 7; // a table is repeated, and no block before has one
export const FAULT_BITS = 8; // the sequences' stream does not end at its last bit
export const FAULT_OFFSET = 9; // a match from before the start of the frame or of the window
export const FAULT_LENGTH = 10; // more output than a block may have, or more literals than there are
export const FAULT_WINDOW_SHORT = 11; // a match reads a byte of the window that was not kept
export const FAULT_STATE = 12; // tables of a checkpoint that `saveTables` never returns
