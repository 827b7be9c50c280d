/** Executes the sequences of a block (RFC 8878, 3.1.1.4). */
import { FAULT_LENGTH, FAULT_OFFSET, FAULT_WINDOW_SHORT } from '../zstd-codes';
import { copyAway, copyFar, copyNear, STEP } from './copy';
import { SEQUENCE_SIZE, SEQUENCES } from './layout';
import { Literals } from './literals';
import { Ring } from './ring';
import { Sequences } from './sequences';
import { meetMatch, WindowBytes } from './window-bytes';

/** Compiled twice: following the window's bytes takes a sixth of the time (measured). */
@inline
function executeAs(tracked: bool, blockMax: u32): i32 {
  const start = Ring.next;
  const outputEnd = start + blockMax;
  const segment = Ring.segment;
  const history = Ring.history;
  const checkpoint = start - <usize>WindowBytes.since; // as an address; it may lie before the ring
  let output = start;
  let literals = Literals.start;
  const literalsEnd = literals + Literals.count;
  const end = SEQUENCES + Sequences.count * SEQUENCE_SIZE;
  for (let sequence = SEQUENCES; sequence < end; sequence += SEQUENCE_SIZE) {
    const lengths = load<u64>(sequence);
    const distance = load<u32>(sequence, 8);
    const literalLength = <u32>lengths;
    const matchLength = <u32>(lengths >> 32);
    if (literals + literalLength > literalsEnd) return -FAULT_LENGTH;
    if (output + literalLength + matchLength > outputEnd) return -FAULT_LENGTH;
    copyAway(output, literals, literalLength);
    output += literalLength;
    literals += literalLength;
    const isNear = distance <= <u32>(output - segment);
    if (!isNear && <u64>distance > history + <u64>(output - start)) return -FAULT_OFFSET;
    if (tracked) {
      const since = <u32>(output - checkpoint);
      if (distance > since && WindowBytes.active) {
        if (!meetMatch(output, since, distance, matchLength)) return -FAULT_WINDOW_SHORT;
      }
    }
    if (!isNear) copyFar(output, distance, matchLength);
    else if (distance >= STEP) copyAway(output, output - distance, matchLength);
    else copyNear(output, distance, matchLength);
    output += matchLength;
  }
  const rest = <u32>(literalsEnd - literals);
  if (output + rest > outputEnd) return -FAULT_LENGTH;
  memory.copy(output, literals, rest);
  return <i32>(output + rest - start);
}

function executePlain(blockMax: u32): i32 { return executeAs(false, blockMax); }
function executeTracked(blockMax: u32): i32 { return executeAs(true, blockMax); }

/** @returns bytes put out, or a fault's negative code */
export function execute(blockMax: u32): i32 {
  return WindowBytes.active ? executeTracked(blockMax) : executePlain(blockMax);
}
