import { LayerslayerError } from '../base/errors.js';
import { FAULT, NEED_INPUT, STREAM_END } from './gzip/inflate-codes.js';
import { InflateEngine } from './gzip/inflate-engine.js';
import { describeFault } from './gzip/inflate-faults.js';

/** One a thread: calls are synchronous. */
let engine: InflateEngine | undefined;

/**
 * Returns the first `length` bytes of a raw deflate stream and inflates no more of it than that.
 * For short streams: starting an inflater of node:zlib takes longer than inflating 10 KiB
 * (measured). Damage that the stream's codes don't show gives wrong bytes: the caller checks them.
 * @throws LayerslayerError CORRUPT_LAYER when the stream is damaged or shorter
 */
export function inflatePrefix(stream: Uint8Array, length: number): Uint8Array {
  const prefix = new Uint8Array(length);
  engine ??= new InflateEngine();
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
