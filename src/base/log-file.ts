import { closeSync, constants, fstatSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { LayerslayerError } from './errors.js';
import type { LogLevel } from './log.js';
import { makeDirectories } from './make-directories.js';
import { reasonText } from './system-error-text.js';
import { printable } from './text/printable.js';
import { fsPath } from './text/raw-text.js';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** A log may grow to this before it is set aside; with the one old file, twice that is on disk. */
const LOG_CAP = 10 * 1024 * 1024; // bytes

/** Only the owner may read logs: references and errors can name private images. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/**
 * A log of bounded size. When a line would exceed the cap, the file becomes `FILE.old` and a new
 * one begins. Written synchronously, so that all lines before a crash are on disk. A full disk
 * loses lines, never the mount. Pipes and devices (`--log-file /dev/stderr`) are never renamed.
 */
export class LogFile {
  readonly path: string;
  readonly #cap: number;
  readonly #flags: number;
  #fd: number;
  #size: number;
  #rotates: boolean;

  /**
   * @param path chosen by the user, in an existing directory, or by this program with `ours`. Then
   *   missing directories are created, and symlinks and other users'
   *   directories are rejected: they could make this process (perhaps root) write to any file. A
   *   FIFO is rejected too, since opening it waits for a reader.
   * @throws LayerslayerError IO_FAILED if it can't be opened
   */
  constructor(path: string, options: { capBytes?: number; ours?: boolean } = {}) {
    this.path = path;
    this.#cap = options.capBytes ?? LOG_CAP;
    this.#flags = O_APPEND | O_CREAT | O_WRONLY | (options.ours ? O_NOFOLLOW | O_NONBLOCK : 0);
    try {
      // A mistyped path must not become directories, as for tee(1).
      if (options.ours) {
        makeDirectories(dirname(path), DIRECTORY_MODE);
        checkOwner(dirname(path));
      }
      this.#fd = this.#open();
      const stat = fstatSync(this.#fd);
      if (options.ours && !stat.isFile()) throw new Error('not a regular file');
      this.#size = stat.size;
      this.#rotates = stat.isFile();
    } catch (error) {
      const message = `opening log file ${path}: ${reasonText(error)}`;
      throw new LayerslayerError('IO_FAILED', message, { cause: error });
    }
  }

  /** One line; a newline is added. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    try {
      if (this.#rotates && this.#size > 0 && this.#size + bytes.length > this.#cap) this.#rotate();
      writeSync(this.#fd, bytes);
      this.#size += bytes.length;
    } catch {
      // Nothing to say it to.
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #open(): number {
    return openSync(fsPath(this.path), this.#flags, FILE_MODE);
  }

  #rotate(): void {
    renameSync(fsPath(this.path), fsPath(`${this.path}.old`));
    const next = this.#open();
    closeSync(this.#fd);
    this.#fd = next;
    this.#size = fstatSync(next).size;
  }
}

function checkOwner(directory: string): void {
  const { uid } = statSync(fsPath(directory));
  if (uid !== process.geteuid?.()) throw new Error(`its directory belongs to user ${uid}`);
}

/** Returns a log line. Text from registries can't begin a new line or move the cursor. */
export function formatLogLine(level: LogLevel, message: string, now = new Date()): string {
  const text = message.split(/\r?\n/).map(printable).join('\n    ');
  return `${now.toISOString()} ${level} ${text}`;
}
