import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { LayerslayerError, systemCode } from '../base/errors.js';
import { diskFault, onDisk } from '../base/on-disk.js';
import { fsPath } from '../base/text/raw-text.js';

/** A hash, or what passes bytes on to one. */
interface Hasher {
  update(chunk: Uint8Array): unknown;
}

const { O_CREAT, O_NOFOLLOW, O_RDWR, O_RDONLY, O_NONBLOCK } = constants;

/** The umask applies, as for files of any program. */
const FILE_MODE = 0o666;

/** Bytes that are read and hashed at a time. */
const READ_SIZE = 1024 * 1024;

/** A file with a temporary name. Each fault of the disk is IO_FAILED, and names the file. */
export class PartialFile {
  readonly path: string;
  readonly #shown: string;
  readonly #file: FileHandle;

  private constructor(path: string, shown: string, file: FileHandle) {
    this.path = path;
    this.#shown = shown;
    this.#file = file;
  }

  /**
   * Opens an earlier attempt's file, or creates it. Does not follow a symlink.
   * @param shown the file in messages: a user knows what it becomes, not its temporary name
   */
  static async open(path: string, shown = path): Promise<PartialFile> {
    const file = await onDisk(`opening ${shown}`, () =>
      open(fsPath(path), O_RDWR | O_CREAT | O_NOFOLLOW, FILE_MODE),
    );
    return new PartialFile(path, shown, file);
  }

  /** Returns the bytes written so far. */
  size(): Promise<number> {
    return onDisk(`reading ${this.#shown}`, async () => (await this.#file.stat()).size);
  }

  truncate(size: number): Promise<void> {
    return onDisk(`writing ${this.#shown}`, () => this.#file.truncate(size));
  }

  /** Feeds the first `length` bytes, which are there. */
  hash(length: number, hash: Hasher, signal: AbortSignal): Promise<void> {
    return hashFile(this.#file, this.#shown, length, hash, signal);
  }

  /** Writes bytes. The caller must not change `bytes` until this resolves. */
  write(bytes: Uint8Array, offset: number): Promise<void> {
    return onDisk(`writing ${this.#shown}`, async () => {
      // A nearly full disk takes a part, and fails only when it is asked to take the rest.
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
      }
    });
  }

  /** Returns the first `length` bytes, or as many as there are. */
  head(length: number): Promise<Uint8Array> {
    return onDisk(`reading ${this.#shown}`, async () => {
      const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    });
  }

  /**
   * Renames the file. Its name never has partial content.
   * @param options.isDurable not even after a power failure; default: yes
   */
  async commit(path: string, { isDurable = true } = {}): Promise<void> {
    if (isDurable) await onDisk(`writing ${this.#shown}`, () => this.#file.sync());
    await this.close();
    await onDisk(`renaming ${this.path} to ${path}`, () => rename(fsPath(this.path), fsPath(path)));
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {}); // closed already; `sync` reported all faults
  }

  /** Deletes the file: no later save can use it. */
  async discard(): Promise<void> {
    await this.close();
    await unlink(fsPath(this.path)).catch(() => {});
  }
}

/** Feeds a complete file to `hash`. @returns false if there is none, or it has another size */
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
