import { open } from 'node:fs/promises';
import { LayerslayerError } from '../../base/errors.js';
import { onDisk } from '../../base/on-disk.js';
import { fsPath } from '../../base/text/raw-text.js';

/** Bytes of a part. */
const PART_SIZE = 512 * 1024;

/**
 * Yields the bytes of a file in parts, each in a buffer of its own.
 * @throws LayerslayerError IO_FAILED if it is shorter than `size`; the signal's reason
 */
export async function* fileParts(
  path: string,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const file = await onDisk(`reading ${path}`, () => open(fsPath(path)));
  try {
    for (let at = 0; at < size; ) {
      signal.throwIfAborted();
      const length = Math.min(PART_SIZE, size - at);
      const buffer = Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await onDisk(`reading ${path}`, () => file.read(buffer, 0, length, at));
      if (bytesRead === 0) throw new LayerslayerError('IO_FAILED', `reading ${path}: it ends at ${at}`);
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
