/** Debian's zstd: the oracle. */
import { execFileSync, spawnSync } from 'node:child_process';

const MAX_BUFFER = 2 ** 30;

/** Compresses from a pipe: the frame has no content size, and the window that the level wants. */
export function compressZstd(bytes: Uint8Array, options: readonly string[] = []): Uint8Array {
  return execFileSync('zstd', ['-qc', '--single-thread', ...options], {
    input: bytes,
    maxBuffer: MAX_BUFFER,
  });
}

/** What `zstd -d` makes of a blob; undefined: it refuses it. */
export function decompressZstd(blob: Uint8Array): Buffer | undefined {
  const { status, stdout } = spawnSync('zstd', ['-qdc'], {
    input: blob,
    maxBuffer: MAX_BUFFER,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout : undefined;
}
