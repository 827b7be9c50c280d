import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CopyingWriter } from './copying-writer.js';
import { systemCode } from './errors.js';
import { diskFault } from './on-disk.js';
import { fsPath } from './text/raw-text.js';

const { O_WRONLY, O_NONBLOCK, O_TRUNC } = constants;

/** Ms between looks for a reader of a FIFO. */
const POLL_MS = 50;

/**
 * A device or a FIFO that is written to as it is. The reader of a FIFO may take nothing for hours:
 * no write waits for it, only `flushed` does.
 */
export class OutputStream {
  readonly #failed = new AbortController();
  readonly #pipe: { socket: Socket; writer: CopyingWriter } | undefined; // of a FIFO
  readonly #stopped: AbortSignal;
  #isReaderGone = false;
  #isOpen = true;

  private constructor(
    private readonly fd: number,
    private readonly shown: string,
    signal: AbortSignal,
  ) {
    this.#stopped = AbortSignal.any([this.#failed.signal, signal]);
    if (!fstatSync(fd).isFIFO()) return;
    const socket = new Socket({ fd, readable: false, writable: true });
    socket.on('error', (error) => this.#fail(error));
    this.#pipe = { socket, writer: new CopyingWriter(socket, this.#stopped) };
  }

  /**
   * Opens a device or a FIFO. A file that a shell has opened is truncated. Waits for a FIFO's
   * reader, as open(2) does, but until the signal aborts.
   * @param path absolute
   * @param shown the path in messages
   * @param signal also ends later waits for the reader
   * @throws LayerslayerError IO_FAILED, for a socket too; the signal's reason
   */
  static async open(path: string, shown: string, signal: AbortSignal): Promise<OutputStream> {
    try {
      return new OutputStream(await openForWriting(path, signal), shown, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw diskFault(`writing ${shown}`, error);
    }
  }

  /** Aborted with IO_FAILED when a write failed. Later writes do nothing. */
  get broken(): AbortSignal {
    return this.#failed.signal;
  }

  /** Whether `broken` means that the reader of a FIFO wants no more. */
  get isReaderGone(): boolean {
    return this.#isReaderGone;
  }

  /** Takes the bytes as they are now. */
  write(bytes: Uint8Array): void {
    if (this.broken.aborted || bytes.length === 0) return;
    if (this.#pipe) {
      this.#pipe.writer.write(bytes);
      return;
    }
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Resolves when the reader has taken what was written, or never will, or the signal aborts. */
  flushed(): Promise<void> | undefined {
    return this.#pipe?.writer.flushed();
  }

  /** Drops what the reader has not taken. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#pipe) this.#pipe.socket.destroy();
    else closeSync(this.fd);
  }

  #fail(error: unknown): void {
    if (this.broken.aborted) return;
    this.#isReaderGone = systemCode(error) === 'EPIPE';
    this.#failed.abort(diskFault(`writing ${this.shown}`, error));
  }
}

/** @throws the system's error: ENXIO for a socket; the signal's reason */
async function openForWriting(path: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const probe = openSync(fsPath(path), O_WRONLY | O_NONBLOCK | O_TRUNC);
      try {
        return openSync(`/proc/self/fd/${probe}`, O_WRONLY);
      } finally {
        closeSync(probe);
      }
    } catch (error) {
      if (systemCode(error) !== 'ENXIO' || !isFifo(path)) throw error;
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

function isFifo(path: string): boolean {
  return statSync(fsPath(path), { throwIfNoEntry: false })?.isFIFO() ?? false;
}
