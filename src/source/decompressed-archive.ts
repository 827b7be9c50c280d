import { randomUUID } from 'node:crypto';
import { constants, writeSync } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFault, onDisk } from '../base/on-disk.js';
import type { Codec, ScanObserver } from '../codec/codec.js';
import { readFully } from './local-files.js';

/** Compressed bytes inflated per turn of the event loop. */
const READ_SIZE = 64 * 1024;
/** As in podman and skopeo: `/tmp` is often in memory. */
const DEFAULT_DIRECTORY = '/var/tmp';
/** Creates an unnamed file, open(2). Node has no constant for it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/**
 * Decompresses an archive into an unnamed temporary file, to read its members at any offset. The
 * kernel frees the file with its last descriptor, even if this process is killed.
 * @param archive stays open
 * @param size bytes of `archive`
 * @returns the file, which the caller closes, and its size in bytes
 * @throws LayerslayerError CORRUPT_LAYER; IO_FAILED, as for a full disk
 */
export async function decompressArchive(
  codec: Codec,
  archive: FileHandle,
  size: number,
): Promise<{ file: FileHandle; size: number }> {
  const directory = process.env.TMPDIR || DEFAULT_DIRECTORY;
  const doing = `decompressing the archive into ${directory} (set TMPDIR to use another directory)`;
  const file = await onDisk(doing, () => openNameless(directory));
  try {
    let written = 0;
    const observer: ScanObserver = {
      onCheckpoint() {}, // the file can be read at any offset
      onOutput(memory, start, end) {
        const bytes = memory.subarray(start, end);
        // Zeros become a hole: a few MiB can be 10 GiB of zeros, which would fill the disk.
        if (!isZero(bytes)) writeFully(file, bytes, written, doing);
        written += bytes.length;
      },
    };
    const scan = codec.scanner(observer, Number.MAX_SAFE_INTEGER);
    const buffer = new Uint8Array(READ_SIZE);
    for (let at = 0; at < size; at += READ_SIZE) {
      const bytes = buffer.subarray(0, Math.min(READ_SIZE, size - at));
      await readFully(archive, bytes, at, 'reading the archive');
      scan.push(bytes);
    }
    scan.finish();
    await onDisk(doing, () => file.truncate(written)); // a trailing hole
    return { file, size: written };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  try {
    return await open(directory, O_TMPFILE | constants.O_RDWR, 0o600);
  } catch {
    // NFS and others have no O_TMPFILE. Other errors recur here.
    const path = join(directory, `layerslayer-${randomUUID()}`);
    const file = await open(path, 'wx+', 0o600);
    await unlink(path);
    return file;
  }
}

function writeFully(file: FileHandle, bytes: Uint8Array, offset: number, doing: string): void {
  try {
    for (let at = 0; at < bytes.length; ) {
      // An almost full disk writes a part and fails on the next write.
      at += writeSync(file.fd, bytes, at, bytes.length - at, offset + at);
    }
  } catch (error) {
    throw diskFault(doing, error);
  }
}

function isZero(bytes: Uint8Array): boolean {
  // Compares the bytes with themselves shifted by one: native code without a buffer of zeros.
  return bytes[0] === 0 && Buffer.compare(bytes.subarray(1), bytes.subarray(0, -1)) === 0;
}
