/** The literals section of a block (RFC 8878, 3.1.1.3.1). */
import { FAULT_LITERALS, FAULT_NO_TREE, FAULT_STREAMS, FAULT_TREE } from '../zstd-codes';
import { describe, TREE_SLOT } from './descriptions';
import { decodeFourStreams, decodeOneStream } from './huffman-streams';
import { readTree } from './huffman-tree';
import { LITERALS, SLACK } from './layout';

/** Literals_Block_Type */
const RAW: u32 = 0;
const RLE: u32 = 1;
const COMPRESSED: u32 = 2;

export class Literals {
  static start: usize = 0; // of the block at hand: LITERALS, or in the input
  static count: u32 = 0;
  static end: usize = 0; // address after the section
  static hasTree: bool = false; // HUFFMAN_TABLE is that of this frame
}

/** @returns 0, or a fault's negative code */
export function readLiterals(at: usize, end: usize, blockMax: u32): i32 {
  if (at >= end) return -FAULT_LITERALS;
  const head: u64 = load<u64>(at); // the input has slack
  const type = <u32>head & 3;
  return type == RAW || type == RLE
    ? readPlain(<u32>head, type, at, end, blockMax)
    : readHuffman(head, type, at, end, blockMax);
}

function readPlain(head: u32, type: u32, at: usize, end: usize, blockMax: u32): i32 {
  const format = (head >> 2) & 3;
  let count: u32 = (head & 0xff) >> 3;
  let headSize: u32 = 1;
  if (format == 1) {
    count = (head & 0xffff) >> 4;
    headSize = 2;
  } else if (format == 3) {
    count = (head & 0xffffff) >> 4;
    headSize = 3;
  }
  at += headSize;
  const stored: u32 = type == RLE ? 1 : count;
  if (count > blockMax || at + stored > end) return -FAULT_LITERALS;
  Literals.count = count;
  Literals.end = at + stored;
  Literals.start = at; // read where they lie
  if (type == RLE) {
    Literals.start = LITERALS;
    memory.fill(LITERALS, load<u8>(at), count + SLACK);
  }
  return 0;
}

function readHuffman(head: u64, type: u32, at: usize, end: usize, blockMax: u32): i32 {
  const format = (<u32>head >> 2) & 3;
  const width: u64 = format < 2 ? 10 : format == 2 ? 14 : 18; // of either size
  const mask: u64 = (1 << width) - 1;
  const count = <u32>((head >> 4) & mask);
  const size = <u32>((head >> (4 + width)) & mask);
  at += format < 2 ? 3 : format + 2;
  const sectionEnd = at + size;
  if (count > blockMax || sectionEnd > end) return -FAULT_LITERALS;
  if (type == COMPRESSED) {
    const treeEnd = readTree(at, sectionEnd);
    if (treeEnd == 0) return -FAULT_TREE;
    describe(TREE_SLOT, COMPRESSED, at, <u32>(treeEnd - at));
    Literals.hasTree = true;
    at = treeEnd;
  } else if (!Literals.hasTree) {
    return -FAULT_NO_TREE;
  }
  const isRight = format == 0
    ? decodeOneStream(at, <u32>(sectionEnd - at), LITERALS, count)
    : decodeFourStreams(at, <u32>(sectionEnd - at), LITERALS, count);
  if (!isRight) return -FAULT_STREAMS;
  Literals.start = LITERALS;
  Literals.count = count;
  Literals.end = sectionEnd;
  return 0;
}
