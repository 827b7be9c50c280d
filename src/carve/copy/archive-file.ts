import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { removeAtExit } from '../../base/process/exit-removal.js';
import { reasonText } from '../../base/system-error-text.js';
import { fsPath, textOfBytes } from '../../base/text/raw-text.js';

/** Of a new archive, before the umask. */
const ARCHIVE_MODE = 0o666;

/** Ms between looks for the reader of a FIFO. */
const READER_POLL_MS = 50;

/**
 * An archive on disk. It is written under a temporary name and replaces an older one when it is
 * whole. What is no regular file, such as a FIFO or /dev/null, is written as it is.
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
  const status: Stats | undefined = statSync(fsPath(path), { throwIfNoEntry: false });
  if (status && !status.isFile()) {
    const fd = status.isFIFO() ? await openFifo(path, signal) : openSync(fsPath(path), 'w');
    return { fd, target: path, temporary: undefined };
  }
  const target = status ? textOfBytes(realpathSync(fsPath(path), 'buffer')) : path;
  // Random: a run of another container may have left one of the same process id.
  const temporary = join(dirname(target), `.layerslayer-${randomUUID()}.tmp`);
  return { fd: openSync(fsPath(temporary), 'wx', ARCHIVE_MODE), target, temporary };
}

/** Waits for the reader of a FIFO: open(2) would block this thread, which then gets no Ctrl-C. */
async function openFifo(path: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const held = openSync(fsPath(path), constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        return openSync(fsPath(path), 'w'); // has a reader; its writes wait for room in the FIFO
      } finally {
        closeSync(held);
      }
    } catch (error) {
      if (systemCode(error) !== 'ENXIO') throw error;
    }
    await sleep(READER_POLL_MS, undefined, { signal });
  }
}
