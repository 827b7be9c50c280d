import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ComparedFile } from './compared-files.js';

/** Bytes hashed at once: half a millisecond. */
const STEP = 512 * 1024;

/**
 * Returns the SHA-256 of a file: 32 characters, one a byte.
 * @throws LayerslayerError as `ComparedFile.read`; the signal's reason
 */
export async function hashFile(file: ComparedFile, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  const { size } = file;
  for (let at = 0; at < size; at += STEP) {
    hash.update(await file.read(at, Math.min(STEP, size - at), signal));
    // Only the event loop frees buffers, and cached bytes need no turn of it.
    if (at > 0) await nextTurn();
    signal?.throwIfAborted();
  }
  return hash.digest().toString('latin1');
}
