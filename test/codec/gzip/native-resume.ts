import { inflateRawSync } from 'node:zlib';
import type { GzipCheckpoint as Checkpoint } from '#src/codec/gzip/gzip-checkpoint.js';
import { DEFLATE_WINDOW_SIZE } from '#src/codec/gzip/inflate-engine.js';
import { code, dynamicStart, FIXED, type Field, fixedSymbol, NOT_FINAL, packBits } from './deflate-bits.js';

/**
 * The oracle for checkpoints: Node's own inflate, which cannot start inside a byte, is made to by a preface of empty
 * blocks that ends at the wanted bit. An empty fixed block has 10 bits; for odd places an empty dynamic block of an odd
 * length comes first.
 */
const EMPTY_FIXED: readonly Field[] = [NOT_FINAL, FIXED, fixedSymbol(256)];

function emptyDynamic(): Field[] {
  // Precode: symbols 1 and 18, a bit each. Lengths: literal 0 and end-of-block have one bit, and so has distance 0.
  const precode = Array.from({ length: 19 }, (_, symbol) => (symbol === 1 || symbol === 18 ? 1 : 0));
  const one = code(0, 1);
  const zeros = (count: number): Field[] => [code(1, 1), [count - 11, 7]];
  return [
    NOT_FINAL,
    ...dynamicStart(257, 1, precode),
    one,
    ...zeros(138),
    ...zeros(117),
    one,
    one,
    code(1, 1),
  ];
}

const bitLength = (fields: readonly Field[]) => fields.reduce((sum, [, length]) => sum + length, 0);

/** A preface that ends after `phase` bits of a byte. */
function preface(phase: number): Field[] {
  const fields = phase % 2 === 1 ? emptyDynamic() : [];
  while (bitLength(fields) % 8 !== phase) fields.push(...EMPTY_FIXED);
  return fields;
}

/**
 * What zlib inflates from a checkpoint that is no member start to the end of its member. It wants the whole window, which
 * it gets from what the blob becomes, `data`.
 */
export function nativeResume(blob: Uint8Array, data: Uint8Array, checkpoint: Checkpoint): Uint8Array {
  const { inOffset, bits, outOffset } = checkpoint;
  const dictionary = data.subarray(Math.max(0, outOffset - DEFLATE_WINDOW_SIZE), outOffset);
  const taken = (8 - bits) % 8; // low bits of the byte before inOffset that are not the block's
  const head = packBits(preface(taken));
  const body = blob.subarray(bits > 0 ? inOffset - 1 : inOffset);
  const whole = head.length - (taken > 0 ? 1 : 0);
  const input = new Uint8Array(whole + body.length);
  input.set(head.subarray(0, whole));
  input.set(body, whole);
  if (taken > 0) input[whole] = (body[0]! & ~((1 << taken) - 1)) | head[whole]!;
  return inflateRawSync(input, dictionary.length > 0 ? { dictionary } : {});
}
