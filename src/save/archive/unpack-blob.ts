import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { LayerslayerError } from '../../base/errors.js';
import { diskFault, onDisk } from '../../base/on-disk.js';
import { fsPath } from '../../base/text/raw-text.js';
import type { ScanObserver } from '../../codec/codec.js';
import { codecOf, MAGIC_LENGTH } from '../../codec/codecs.js';
import { type Digest, digestAlgorithm, digestHex, shortDigest } from '../../oci/digest.js';

/** Compressed bytes that are decompressed in a turn of the event loop. */
const READ_SIZE = 256 * 1024;

/** A blob on disk, which was checked, and the file that its uncompressed bytes go to. */
export interface UnpackRequest {
  blob: { path: string; size: number };
  target: string; // a new file
  shown: string; // the file in messages
  diffId: Digest; // expected
}

/**
 * Decompresses a blob and checks the result.
 * @returns bytes of the new file
 * @throws LayerslayerError DIGEST_MISMATCH, CORRUPT_LAYER, IO_FAILED; UNSUPPORTED for a compression
 *   without a codec; the signal's reason
 */
export async function unpackBlob(
  { blob, target, diffId, shown }: UnpackRequest,
  signal: AbortSignal,
): Promise<number> {
  const doing = `writing ${shown}`;
  const from = await onDisk(`reading ${blob.path}`, () => open(fsPath(blob.path)));
  let fd: number | undefined;
  try {
    const out = attempt(doing, () => openSync(fsPath(target), 'wx', 0o600));
    fd = out;
    const hash = createHash(digestAlgorithm(diffId));
    let written = 0;
    const observer: ScanObserver = {
      onCheckpoint() {}, // it is read from its start only
      onOutput(memory, start, end) {
        hash.update(memory.subarray(start, end));
        attempt(doing, () => {
          // A nearly full disk takes a part, and fails with the next write.
          for (let at = start; at < end; ) at += writeSync(out, memory, at, end - at);
        });
        written += end - start;
      },
    };
    const buffer = Buffer.allocUnsafeSlow(READ_SIZE);
    let scanner: { push(bytes: Uint8Array): void; finish(): void } | undefined;
    for (let at = 0; at < blob.size; ) {
      signal.throwIfAborted();
      const { bytesRead } = await onDisk(`reading ${blob.path}`, () => from.read(buffer, 0, READ_SIZE, at));
      if (bytesRead === 0) throw new LayerslayerError('IO_FAILED', `reading ${blob.path}: it ends at ${at}`);
      const bytes = buffer.subarray(0, bytesRead);
      scanner ??= codecOf(bytes.subarray(0, MAGIC_LENGTH)).scanner(observer, Number.MAX_SAFE_INTEGER);
      scanner.push(bytes);
      at += bytesRead;
    }
    scanner?.finish();
    const found = hash.digest('hex');
    if (found === digestHex(diffId)) return written;
    const got = `${digestAlgorithm(diffId)}:${found}`;
    throw new LayerslayerError(
      'DIGEST_MISMATCH',
      `decompressing it: got ${written} bytes of ${shortDigest(got as Digest)}, want diff_id ${shortDigest(diffId)}`,
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
    await from.close();
  }
}

function attempt<T>(doing: string, task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw diskFault(doing, error);
  }
}
