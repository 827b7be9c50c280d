import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { diskFault, onDisk } from '../../base/on-disk.js';
import { findOutput, type OutputName } from '../../base/output-name.js';
import { openOutputStream } from '../../base/output-stream.js';
import { removeAtExit } from '../../base/process/exit-removal.js';
import { abortable } from '../../base/tasks/abortable.js';
import { fsPath } from '../../base/text/raw-text.js';
import { PartialFile } from '../partial-file.js';

/** As in podman and skopeo: `/tmp` is often in memory. */
const DEFAULT_DIRECTORY = '/var/tmp';

/** Where an archive goes, and a directory of its own for layers that wait for their turn. */
export interface ArchiveOutput {
  /** Absolute path of the directory, which only this user can read. */
  readonly spool: string;
  /** The directory above it, which the user knows, for messages. */
  readonly directory: string;
  /** It is no regular file: perhaps stdout. */
  readonly isStream: boolean;
  /** Takes the archive's next bytes. The caller must not change them until this resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** The archive is complete. @throws LayerslayerError IO_FAILED */
  commit(): Promise<void>;
  /** Removes the directory, and an archive that is not complete. */
  close(): Promise<void>;
}

/**
 * Opens a file that gets its name when it is complete. Its directory exists. Symlinks are followed,
 * also to a new file. A device or a FIFO is written to as it is.
 * @param given absolute
 * @param options.force a file of that name is replaced
 * @throws LayerslayerError IO_FAILED, also if a directory has the name; the signal's reason
 */
export async function openArchiveFile(
  given: string,
  { force, signal }: { force: boolean; signal: AbortSignal },
): Promise<ArchiveOutput> {
  const { kind, path } = checkedName(given, force);
  if (kind === 'stream') return openDevice(path, signal);
  const spool = makeSpool(dirname(path), `the directory of ${basename(path)}`);
  let file: PartialFile;
  try {
    file = await PartialFile.open(join(spool.path, 'archive'), path);
  } catch (error) {
    await spool.remove();
    throw error;
  }
  let written = 0;
  return {
    spool: spool.path,
    directory: dirname(path),
    isStream: false,
    async write(bytes) {
      await file.write(bytes, written);
      written += bytes.length;
    },
    async commit() {
      checkedName(given, force); // the layers took their time
      if (force) await file.commit(path);
      else await file.commitNew(path, () => alreadyThere(path));
    },
    async close() {
      await file.close();
      await spool.remove();
    },
  };
}

async function openDevice(path: string, signal: AbortSignal): Promise<ArchiveOutput> {
  const fd = await onDisk(`writing ${path}`, () => openOutputStream(path, signal)).catch((error) => {
    signal.throwIfAborted();
    throw error;
  });
  const write = (bytes: Uint8Array) => {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch (error) {
      throw diskFault(`writing ${path}`, error);
    }
  };
  try {
    const output = openArchiveStream(write, () => undefined, signal);
    const close = async () => {
      closeSync(fd);
      await output.close();
    };
    return { ...output, close };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Opens a stream, such as stdout. Layers wait in TMPDIR, or in /var/tmp.
 * @param write takes the bytes before it returns
 * @param settled waits until the stream has taken what was written
 * @param signal ends that: a reader may be stopped, and take nothing more
 * @throws LayerslayerError IO_FAILED
 */
export function openArchiveStream(
  write: (bytes: Uint8Array) => void,
  settled: () => Promise<void> | undefined,
  signal: AbortSignal,
): ArchiveOutput {
  const directory = process.env.TMPDIR || DEFAULT_DIRECTORY;
  const spool = makeSpool(directory, `${directory} (set TMPDIR to use another directory)`);
  return {
    spool: spool.path,
    directory,
    isStream: true,
    async write(bytes) {
      write(bytes);
      await abortable(Promise.resolve(settled()), signal);
    },
    async commit() {},
    close: () => spool.remove(),
  };
}

/** @throws LayerslayerError IO_FAILED if a file can't get this name */
function checkedName(path: string, force: boolean): OutputName {
  let found: OutputName;
  try {
    found = findOutput(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'free', path };
    throw diskFault(`writing ${path}`, error);
  }
  if (found.kind === 'directory') throw new LayerslayerError('IO_FAILED', `${path} is a directory`);
  if (found.kind === 'file' && !force) throw alreadyThere(path);
  return found;
}

function alreadyThere(path: string): LayerslayerError {
  return new LayerslayerError('IO_FAILED', `${path} is there already: --force replaces it`);
}

interface SpoolDirectory {
  path: string;
  remove(): Promise<void>;
}

/** @param where names the directory above in messages */
function makeSpool(above: string, where: string): SpoolDirectory {
  const path = join(above, `.layerslayer-${randomUUID()}`);
  try {
    mkdirSync(fsPath(path), { mode: 0o700 });
  } catch (error) {
    throw diskFault(`making a directory for layers in ${where}`, error);
  }
  const removed = removeAtExit(path);
  return {
    path,
    async remove() {
      await rm(fsPath(path), { recursive: true, force: true }).then(removed, () => {}); // no result
    },
  };
}
