import type { ScanObserver } from '#src/codec/codec.js';
import { type GzipCheckpoint, unpackCheckpoint } from '#src/codec/gzip/gzip-checkpoint.js';
import { GzipScan } from '#src/codec/gzip/gzip-scan.js';
import { InflateEngine } from '#src/codec/gzip/inflate-engine.js';

/** One engine for all scans of a test file: each must leave it fit for the next, also when it failed. */
const engine = new InflateEngine();

/** Every slice handed out is at most this long. */
export const MAX_SLICE = 256 * 1024;

export interface Scanned {
  output: Uint8Array;
  checkpoints: GzipCheckpoint[];
  outSize: number;
  members: number;
  longestSlice: number;
}

/** A whole index pass, in pieces of `chunkSize` bytes. */
export function scan(
  blob: Uint8Array,
  options: { chunkSize?: number; spanSize?: number; keepOutput?: boolean } = {},
): Scanned {
  const { chunkSize = 65_536, spanSize = 32_768, keepOutput = true } = options;
  const parts: Buffer[] = [];
  const checkpoints: GzipCheckpoint[] = [];
  let longestSlice = 0;
  const observer: ScanObserver = {
    onOutput(memory, start, end) {
      longestSlice = Math.max(longestSlice, end - start);
      if (keepOutput) parts.push(Buffer.from(memory.subarray(start, end)));
    },
    onCheckpoint: (checkpoint) => checkpoints.push(unpackCheckpoint(checkpoint)),
  };
  const pass = new GzipScan(engine, observer, spanSize);
  for (let at = 0; at < blob.length; at += chunkSize) pass.push(blob.subarray(at, at + chunkSize));
  const { outSize, members } = pass.finish();
  return { output: new Uint8Array(Buffer.concat(parts)), checkpoints, outSize, members, longestSlice };
}

/** The error's text when the scan refuses the blob, undefined when it accepts it. */
export function refusal(blob: Uint8Array, chunkSize?: number): string | undefined {
  try {
    scan(blob, chunkSize === undefined ? {} : { chunkSize });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
