import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { LayerslayerError, systemCode } from '../base/errors.js';
import { diskFault, onDisk } from '../base/on-disk.js';
import { fsPath } from '../base/raw-text.js';

/** A hash, or what passes bytes on to one. */
interface Hasher {
  update(chunk: Uint8Array): unknown;
}

const { O_CREAT, O_NOFOLLOW, O_RDWR, O_RDONLY, O_NONBLOCK } = constants;

/** Less the umask, as every program's files. */
const FILE_MODE = 0o666;

/** Bytes of a file that are read and hashed at a time. */
const READ_SIZE = 1024 * 1024;

/** A file that is being made under a name of its own. Every fault of the disk is IO_FAILED, and names the file. */
export class PartialFile {
  readonly path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Opens what an earlier attempt has left, or begins anew. A symlink that somebody has put there is not followed. */
  static async open(path: string): Promise<PartialFile> {
    const file = await onDisk(`opening ${path}`, () =>
      open(fsPath(path), O_RDWR | O_CREAT | O_NOFOLLOW, FILE_MODE),
    );
    return new PartialFile(path, file);
  }

  /** Bytes that are there. */
  size(): Promise<number> {
    return onDisk(`reading ${this.path}`, async () => (await this.#file.stat()).size);
  }

  truncate(size: number): Promise<void> {
    return onDisk(`writing ${this.path}`, () => this.#file.truncate(size));
  }

  /** Feeds the first `length` bytes, which are there. */
  hash(length: number, hash: Hasher, signal: AbortSignal): Promise<void> {
    return hashFile(this.#file, this.path, length, hash, signal);
  }

  /** The caller does not change `bytes` until this resolves. */
  write(bytes: Uint8Array, offset: number): Promise<void> {
    return onDisk(`writing ${this.path} at ${offset}`, async () => {
      // A disk that is nearly full takes a part, and says so only when it is asked to take the rest.
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
      }
    });
  }

  /** The first bytes, `length` of them or as many as there are. */
  head(length: number): Promise<Uint8Array> {
    return onDisk(`reading ${this.path}`, async () => {
      const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    });
  }

  /** Gives the file its name, which never stands for less than the whole: not after a power failure either. */
  async commit(path: string): Promise<void> {
    await onDisk(`writing ${this.path}`, () => this.#file.sync());
    await this.close();
    await onDisk(`renaming ${this.path} to ${path}`, () => rename(fsPath(this.path), fsPath(path)));
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {}); // closed already; `sync` has told of every fault before
  }

  /** Nothing of it is worth being gone on with. */
  async discard(): Promise<void> {
    await this.close();
    await unlink(fsPath(this.path)).catch(() => {});
  }
}

/** Feeds a complete file to `hash`. @returns false when there is none, or it has another size */
export async function hashComplete(
  path: string,
  size: number,
  hash: Hasher,
  signal: AbortSignal,
): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(fsPath(path), O_RDONLY | O_NONBLOCK); // O_NONBLOCK: a FIFO must not block
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw diskFault(`reading ${path}`, error);
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size !== size) return false;
    await hashFile(file, path, size, hash, signal);
    return true;
  } finally {
    await file.close();
  }
}

async function hashFile(
  file: FileHandle,
  path: string,
  length: number,
  hash: Hasher,
  signal: AbortSignal,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(length, READ_SIZE));
  for (let at = 0; at < length; ) {
    signal.throwIfAborted();
    const wanted = Math.min(buffer.length, length - at);
    const { bytesRead } = await onDisk(`reading ${path} at ${at}`, () => file.read(buffer, 0, wanted, at));
    if (bytesRead === 0)
      throw new LayerslayerError('IO_FAILED', `reading ${path}: it ends at ${at}, want ${length}`);
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
