import type { Checkpoint, ScanObserver } from '#src/codec/codec.js';
import { ZstdEngine } from '#src/codec/zstd/zstd-engine.js';
import { ZstdScan } from '#src/codec/zstd/zstd-scan.js';

/** One engine for all scans of a test file: each leaves it fit for the next, also after a fault. */
const engine = new ZstdEngine();

export interface Scanned {
  output: Buffer;
  checkpoints: Checkpoint[];
}

/** A whole pass, in pieces of `chunkSize` bytes. */
export function scan(
  blob: Uint8Array,
  options: { chunkSize?: number; spanSize?: number | undefined; engine?: ZstdEngine } = {},
): Scanned {
  const { chunkSize = 65_536, spanSize } = options;
  const parts: Buffer[] = [];
  const checkpoints: Checkpoint[] = [];
  const observer: ScanObserver = {
    onOutput: (memory, start, end) => void parts.push(Buffer.from(memory.subarray(start, end))),
    onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
  };
  const pass = new ZstdScan(options.engine ?? engine, observer, spanSize);
  for (let at = 0; at < blob.length; at += chunkSize) pass.push(blob.subarray(at, at + chunkSize));
  pass.finish();
  return { output: Buffer.concat(parts), checkpoints };
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
