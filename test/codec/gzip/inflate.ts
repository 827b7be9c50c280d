import { inflateRawSync } from 'node:zlib';
import { expect } from 'vitest';
import * as codes from '#src/codec/gzip/inflate-codes.js';
import { InflateEngine } from '#src/codec/gzip/inflate-engine.js';

/** One engine for all streams of a test file: each must leave it fit for the next, also when it failed. */
const engine = new InflateEngine();

export interface Inflated {
  output: Uint8Array;
  used: number; // compressed bytes
}

export interface Pace {
  chunkSize?: number;
  stopEvery?: number; // bytes of output asked for at once
  track?: boolean; // at every block
  base?: number; // where the stream lies in its blob
}

/** A raw deflate stream through the engine; a FAULT code when it refuses. */
export function inflate(raw: Uint8Array, pace: Pace = {}): Inflated | number {
  const { chunkSize = 65_536, stopEvery = Number.POSITIVE_INFINITY, track = false, base = 0 } = pace;
  engine.reset(base, base);
  engine.startStream();
  const parts: Buffer[] = [];
  let at = 0;
  let tracked = false;
  for (;;) {
    const from = engine.outOffset;
    const event = engine.run(from + stopEvery, track ? 0 : Number.POSITIVE_INFINITY);
    if (event === codes.FAULT) return engine.faultCode;
    const length = engine.outOffset - from;
    parts.push(Buffer.from(engine.memory.subarray(engine.outputAddress - length, engine.outputAddress)));
    if (event === codes.NEED_INPUT) {
      at += engine.append(raw.subarray(at, at + chunkSize));
      if (at === raw.length) engine.close();
    } else if (event === codes.BLOCK_START) {
      if (tracked) engine.stopTracking();
      engine.startTracking();
      tracked = true;
    } else if (event === codes.STREAM_END) {
      return { output: new Uint8Array(Buffer.concat(parts)), used: engine.inOffset - base };
    }
  }
}

/** The same by zlib; undefined when it refuses. */
export function zlibInflate(raw: Uint8Array): Inflated | undefined {
  try {
    // `info` is documented, but not in the types.
    const result = inflateRawSync(raw, { info: true } as object) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { output: new Uint8Array(result.buffer), used: result.engine.bytesWritten };
  } catch {
    return undefined;
  }
}

export function expectAsZlib(raw: Uint8Array, pace: Pace = {}): void {
  const ours = inflate(raw, pace);
  const zlibs = zlibInflate(raw);
  if (zlibs === undefined) expect(ours).toBeTypeOf('number');
  else {
    expect(ours).toBeTypeOf('object');
    const { output, used } = ours as Inflated;
    expect(used).toBe(zlibs.used);
    expect(Buffer.compare(output, zlibs.output)).toBe(0);
  }
}
