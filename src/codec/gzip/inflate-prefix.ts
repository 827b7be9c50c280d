import { LayerslayerError } from '../../base/errors.js';
import { FAULT, NEED_INPUT, STREAM_END } from './inflate-codes.js';
import type { InflateEngine } from './inflate-engine.js';
import { describeFault } from './inflate-faults.js';

/**
 * The first `length` bytes of a raw deflate stream, and no more of it inflated than that. For short ones: an inflater of
 * node:zlib takes longer to start than 10 KiB take to inflate (measured). Of a damaged stream it may be anything that long.
 * @param engine is left where it stopped
 * @throws LayerslayerError CORRUPT_LAYER when the stream is damaged or shorter
 */
export function inflatePrefix(engine: InflateEngine, stream: Uint8Array, length: number): Uint8Array {
  const prefix = new Uint8Array(length);
  engine.reset(0, 0);
  engine.startStream();
  let taken = 0;
  for (;;) {
    const from = engine.outOffset;
    const event = engine.run(length, Number.POSITIVE_INFINITY);
    const made = engine.outOffset - from;
    const start = engine.outputAddress - made;
    // First: what was put out before a fault may be made of what is no input.
    if (event === FAULT) throw damaged(describeFault(engine.faultCode));
    prefix.set(engine.memory.subarray(start, start + Math.min(made, length - from)), from);
    if (engine.outOffset >= length) return prefix;
    if (event === STREAM_END) throw damaged(`got ${engine.outOffset} bytes, want ${length}`);
    if (event !== NEED_INPUT) continue;
    taken += engine.append(stream.subarray(taken));
    if (taken === stream.length) engine.close();
  }
}

function damaged(why: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `inflating a deflate stream: ${why}`);
}
