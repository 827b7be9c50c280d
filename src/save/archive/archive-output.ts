import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { moveToFreeName } from '../../base/move-file.js';
import { diskFault, onDisk } from '../../base/on-disk.js';
import { findOutput, type OutputName } from '../../base/output-name.js';
import { OutputStream } from '../../base/output-stream.js';
import { removeAtExit } from '../../base/process/exit-removal.js';
import { fsPath } from '../../base/text/raw-text.js';

/** Mode of a new archive, before the umask. */
const ARCHIVE_MODE = 0o666;

/** As in podman and skopeo: `/tmp` is often in memory. */
const DEFAULT_DIRECTORY = '/var/tmp';

/** Where an archive goes. */
export interface ArchiveOutput {
  /** Directory that has room for what waits until it can be written. */
  readonly directory: string;
  /** It is no regular file: perhaps stdout. */
  readonly isStream: boolean;
  /** Aborted when a write failed. Later writes do nothing. */
  readonly broken: AbortSignal;
  /** Takes the archive's next bytes, as they are now. */
  write(bytes: Uint8Array): void;
  /** Resolves when the reader has taken what was written; undefined if nothing waits. */
  flushed(): Promise<void> | undefined;
  /** The archive is complete. @throws LayerslayerError IO_FAILED, also of an earlier write */
  commit(): Promise<void>;
  /** Removes an archive that was not committed. */
  close(): Promise<void>;
}

export interface ArchiveFileOptions {
  shown?: string; // the path in messages; default: as it is
  force: boolean; // a file of that name is replaced
  signal: AbortSignal; // also ends waits for a reader
}

/**
 * Opens an archive on disk. It has a temporary name beside its own until it is complete. Its
 * directory exists. Symlinks are followed, also to a new file. A device or a FIFO is written to as
 * it is.
 * @param given absolute
 * @throws LayerslayerError IO_FAILED, also if a directory has the name; the signal's reason
 */
export async function openArchiveFile(
  given: string,
  { shown = given, force, signal }: ArchiveFileOptions,
): Promise<ArchiveOutput> {
  const { kind, path } = checkedName(given, shown, force);
  if (kind === 'stream') return streamOf(await OutputStream.open(path, shown, signal), signal);
  // Random: a run of another container may have left one of the same process id.
  const temporary = join(dirname(path), `.layerslayer-${randomUUID()}.tmp`);
  const file = await onDisk(`writing ${shown}`, () => open(fsPath(temporary), 'wx', ARCHIVE_MODE));
  return new ArchiveFile(file, { given, shown, force, temporary, path });
}

interface ArchiveNames extends Required<Omit<ArchiveFileOptions, 'signal'>> {
  given: string;
  path: string; // symlinks resolved
  temporary: string;
}

class ArchiveFile implements ArchiveOutput {
  readonly isStream = false;
  readonly directory: string;
  readonly #failed = new AbortController();
  readonly #kept: () => void; // ends the removal at exit
  #isCommitted = false;

  constructor(
    private readonly file: FileHandle,
    private readonly names: ArchiveNames,
  ) {
    this.directory = dirname(names.path);
    this.#kept = removeAtExit(names.temporary);
  }

  get broken(): AbortSignal {
    return this.#failed.signal;
  }

  write(bytes: Uint8Array): void {
    if (this.broken.aborted) return;
    try {
      // A nearly full disk takes a part, and fails only when it is asked to take the rest.
      for (let at = 0; at < bytes.length; ) at += writeSync(this.file.fd, bytes, at);
    } catch (error) {
      this.#failed.abort(diskFault(`writing ${this.names.shown}`, error));
    }
  }

  flushed(): undefined {}

  async commit(): Promise<void> {
    const { given, shown, force, temporary, path } = this.names;
    this.broken.throwIfAborted();
    checkedName(given, shown, force); // the name may be taken since
    await onDisk(`writing ${shown}`, async () => {
      await this.file.sync(); // not even after a power failure the name has partial content
      await this.file.close();
      if (force) await rename(fsPath(temporary), fsPath(path));
    });
    if (!force) takeFreeName(temporary, path, shown);
    this.#isCommitted = true;
    this.#kept();
  }

  async close(): Promise<void> {
    if (this.#isCommitted) return;
    await this.file.close().catch(() => {}); // closed already
    await unlink(fsPath(this.names.temporary)).then(this.#kept, () => {}); // no result
  }
}

function streamOf(stream: OutputStream, signal: AbortSignal): ArchiveOutput {
  return {
    ...openArchiveStream(stream),
    async commit() {
      await stream.flushed();
      signal.throwIfAborted();
      stream.broken.throwIfAborted();
    },
    close: async () => stream.close(),
  };
}

/** Opens a stream that the caller closes, such as stdout. Layers that wait are in TMPDIR. */
export function openArchiveStream(
  stream: Pick<ArchiveOutput, 'broken' | 'write' | 'flushed'>,
): ArchiveOutput {
  return {
    directory: process.env.TMPDIR || DEFAULT_DIRECTORY,
    isStream: true,
    broken: stream.broken,
    write: (bytes) => stream.write(bytes),
    flushed: () => stream.flushed(),
    commit: async () => {},
    close: async () => {},
  };
}

/** @throws LayerslayerError IO_FAILED if a file can't get this name */
function checkedName(path: string, shown: string, force: boolean): OutputName {
  let found: OutputName;
  try {
    found = findOutput(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'free', path };
    throw diskFault(`writing ${shown}`, error);
  }
  if (found.kind === 'directory') throw new LayerslayerError('IO_FAILED', `writing ${shown}: is a directory`);
  if (found.kind === 'file' && !force) throw alreadyThere(shown);
  return found;
}

function takeFreeName(temporary: string, path: string, shown: string): void {
  try {
    moveToFreeName(fsPath(temporary), fsPath(path));
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? alreadyThere(shown) : diskFault(`writing ${shown}`, error);
  }
}

function alreadyThere(shown: string): LayerslayerError {
  return new LayerslayerError('IO_FAILED', `${shown} is there already: --force replaces it`);
}
