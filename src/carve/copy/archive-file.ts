import { randomUUID } from 'node:crypto';
import { closeSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LayerslayerError } from '../../base/errors.js';
import { findOutput } from '../../base/output-name.js';
import { reasonText } from '../../base/system-error-text.js';
import { fsPath } from '../../base/text/raw-text.js';

/** Of a new archive, before the umask. */
const ARCHIVE_MODE = 0o666;

/**
 * An archive on disk. It is written under a temporary name and replaces an older one when it is
 * whole. Symlinks are followed, also to a new file. What is no regular file, such as a FIFO or
 * /dev/null, is written as it is.
 */
export class ArchiveFile {
  readonly #failed = new AbortController();
  readonly #path: string; // symlinks resolved
  readonly #temporary: string | undefined; // undefined: written in place
  readonly #fd: number;
  #isOpen = true;

  /**
   * @param path absolute
   * @param shown the path in messages
   * @throws LayerslayerError IO_FAILED
   */
  constructor(
    path: string,
    private readonly shown: string,
  ) {
    const { fd, target, temporary } = this.#attempt(() => openArchive(path));
    this.#fd = fd;
    this.#path = target;
    this.#temporary = temporary;
  }

  /** It is no regular file: perhaps /dev/stdout. */
  get isStream(): boolean {
    return this.#temporary === undefined;
  }

  /** Aborted with IO_FAILED when a write failed. Later writes do nothing. */
  get broken(): AbortSignal {
    return this.#failed.signal;
  }

  write(bytes: Uint8Array): void {
    if (this.broken.aborted) return;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      this.#failed.abort(this.#fault(error));
    }
  }

  /** Gives the archive its name. @throws LayerslayerError IO_FAILED, also of an earlier write */
  commit(): void {
    this.broken.throwIfAborted();
    this.#attempt(() => {
      this.#close();
      if (this.#temporary !== undefined) renameSync(fsPath(this.#temporary), fsPath(this.#path));
    });
  }

  /** Leaves nothing behind of an archive that was not committed. */
  discard(): void {
    this.#close();
    try {
      if (this.#temporary !== undefined) unlinkSync(fsPath(this.#temporary));
    } catch {
      // It has its final name.
    }
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
  }

  #attempt<T>(task: () => T): T {
    try {
      return task();
    } catch (error) {
      throw this.#fault(error);
    }
  }

  #fault(error: unknown): LayerslayerError {
    const message = `writing ${this.shown}: ${reasonText(error)}`;
    return new LayerslayerError('IO_FAILED', message, { cause: error });
  }
}

function openArchive(path: string): { fd: number; target: string; temporary: string | undefined } {
  const { kind, path: target } = findOutput(path);
  if (kind !== 'file' && kind !== 'free')
    return { fd: openSync(fsPath(target), 'w'), target, temporary: undefined };
  // Random: a run of another container may have left one of the same process id.
  const temporary = join(dirname(target), `.layerslayer-${randomUUID()}.tmp`);
  return { fd: openSync(fsPath(temporary), 'wx', ARCHIVE_MODE), target, temporary };
}
