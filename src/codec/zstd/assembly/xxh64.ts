/** XXH64 with seed 0: its low 32 bits are a frame's checksum (RFC 8878, 3.1.1). */
import { XXH_LANES, XXH_REST } from './layout';

const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME_3: u64 = 0x165667b19e3779f9;
const PRIME_4: u64 = 0x85ebca77c2b2ae63;
const PRIME_5: u64 = 0x27d4eb2f165667c5;

const STRIPE: u32 = 32; // four lanes of eight bytes

class Checksum {
  static length: u64 = 0;
  static rest: u32 = 0; // bytes at XXH_REST
}

@inline
function round(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * PRIME_2, 31) * PRIME_1;
}

export function resetChecksum(): void {
  store<u64>(XXH_LANES, PRIME_1 + PRIME_2);
  store<u64>(XXH_LANES, PRIME_2, 8);
  store<u64>(XXH_LANES, 0, 16);
  store<u64>(XXH_LANES, 0 - PRIME_1, 24);
  Checksum.length = 0;
  Checksum.rest = 0;
}

/** @returns the address of the first byte that makes no whole stripe */
function addStripes(at: usize, end: usize): usize {
  let a = load<u64>(XXH_LANES);
  let b = load<u64>(XXH_LANES, 8);
  let c = load<u64>(XXH_LANES, 16);
  let d = load<u64>(XXH_LANES, 24);
  for (; at + STRIPE <= end; at += STRIPE) {
    a = round(a, load<u64>(at));
    b = round(b, load<u64>(at, 8));
    c = round(c, load<u64>(at, 16));
    d = round(d, load<u64>(at, 24));
  }
  store<u64>(XXH_LANES, a);
  store<u64>(XXH_LANES, b, 8);
  store<u64>(XXH_LANES, c, 16);
  store<u64>(XXH_LANES, d, 24);
  return at;
}

export function updateChecksum(at: usize, length: u32): void {
  const end = at + length;
  Checksum.length += length;
  if (Checksum.rest > 0) {
    const taken = min(STRIPE - Checksum.rest, length);
    memory.copy(XXH_REST + Checksum.rest, at, taken);
    Checksum.rest += taken;
    at += taken;
    if (Checksum.rest < STRIPE) return;
    addStripes(XXH_REST, XXH_REST + STRIPE);
  }
  at = addStripes(at, end);
  Checksum.rest = <u32>(end - at);
  memory.copy(XXH_REST, at, Checksum.rest);
}

@inline
function mergeLane(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME_1 + PRIME_4;
}

/** The low 32 bits of the hash. */
export function finishChecksum(): u32 {
  const a = load<u64>(XXH_LANES);
  const b = load<u64>(XXH_LANES, 8);
  const c = load<u64>(XXH_LANES, 16);
  const d = load<u64>(XXH_LANES, 24);
  let hash = PRIME_5;
  if (Checksum.length >= STRIPE) {
    hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
    hash = mergeLane(mergeLane(mergeLane(mergeLane(hash, a), b), c), d);
  }
  hash += Checksum.length;
  let at = XXH_REST;
  const end = XXH_REST + Checksum.rest;
  for (; at + 8 <= end; at += 8) hash = rotl<u64>(hash ^ round(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4;
  if (at + 4 <= end) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(at) * PRIME_1), 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  for (; at < end; at++) hash = rotl<u64>(hash ^ (<u64>load<u8>(at) * PRIME_5), 11) * PRIME_1;
  hash = (hash ^ (hash >> 33)) * PRIME_2;
  hash = (hash ^ (hash >> 29)) * PRIME_3;
  return <u32>(hash ^ (hash >> 32));
}
