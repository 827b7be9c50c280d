import { LayerslayerError } from '../base/errors.js';
import { FAULT, NEED_INPUT, STREAM_END } from './gzip/inflate-codes.js';
import { InflateEngine } from './gzip/inflate-engine.js';
import { describeFault } from './gzip/inflate-faults.js';

/** One a thread: it is used by one call at a time, from its start to its end. */
let engine: InflateEngine | undefined;

/**
 * Returns the first `length` bytes of a raw deflate stream and inflates no more of it than that. For short ones: an
 * inflater of node:zlib takes longer to start than 10 KiB take to inflate (measured). Of a damaged stream it may be
 * anything that long.
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
