import { randomUUID } from 'node:crypto';
import { closeSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LayerslayerError } from '../../base/errors.js';
import { findOutput } from '../../base/output-name.js';
import { openOutputStream } from '../../base/output-stream.js';
import { removeAtExit } from '../../base/process/exit-removal.js';
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
  readonly #kept: () => void; // ends the removal at exit
  #isOpen = true;

  private constructor(
    { fd, target, temporary }: OpenedArchive,
    private readonly shown: string,
  ) {
    this.#fd = fd;
    this.#path = target;
    this.#temporary = temporary;
    this.#kept = temporary === undefined ? () => {} : removeAtExit(temporary);
  }

  /**
   * Opens an archive. Of a FIFO, waits for its reader.
   * @param path absolute
   * @param shown the path in messages
   * @throws LayerslayerError IO_FAILED; the signal's reason
   */
  static async open(path: string, shown: string, signal: AbortSignal): Promise<ArchiveFile> {
    try {
      return new ArchiveFile(await openArchive(path, signal), shown);
    } catch (error) {
      signal.throwIfAborted();
      throw writeFault(shown, error);
    }
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
      this.#failed.abort(writeFault(this.shown, error));
    }
  }

  /** Gives the archive its name. @throws LayerslayerError IO_FAILED, also of an earlier write */
  commit(): void {
    this.broken.throwIfAborted();
    try {
      this.#close();
      if (this.#temporary !== undefined) renameSync(fsPath(this.#temporary), fsPath(this.#path));
      this.#kept();
    } catch (error) {
      throw writeFault(this.shown, error);
    }
  }

  /** Leaves nothing behind of an archive that was not committed. */
  discard(): void {
    this.#close();
    try {
      if (this.#temporary !== undefined) unlinkSync(fsPath(this.#temporary));
      this.#kept();
    } catch {
      // It has its final name.
    }
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
  }
}

function writeFault(shown: string, error: unknown): LayerslayerError {
  return new LayerslayerError('IO_FAILED', `writing ${shown}: ${reasonText(error)}`, { cause: error });
}

interface OpenedArchive {
  fd: number;
  target: string; // symlinks resolved
  temporary: string | undefined; // undefined: written in place
}

async function openArchive(path: string, signal: AbortSignal): Promise<OpenedArchive> {
  const { kind, path: target } = findOutput(path);
  if (kind !== 'file' && kind !== 'free')
    return { fd: await openOutputStream(target, signal), target, temporary: undefined };
  // Random: a run of another container may have left one of the same process id.
  const temporary = join(dirname(target), `.layerslayer-${randomUUID()}.tmp`);
  return { fd: openSync(fsPath(temporary), 'wx', ARCHIVE_MODE), target, temporary };
}
