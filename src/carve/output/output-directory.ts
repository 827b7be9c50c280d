import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { makeDirectories } from '../../base/make-directories.js';
import { moveToFreeName } from '../../base/move-file.js';
import { reasonText } from '../../base/system-error-text.js';
import { quoteName } from '../../base/text/quote-name.js';
import { bytesOfText, fsPath, textOfBytes } from '../../base/text/raw-text.js';
import type { CarveTarget, KeptAttributes, TargetFile } from './carve-target.js';

const SLASH = Buffer.from('/');
/** Of the output directory and those above it, before the umask. */
const NEW_DIRECTORY_MODE = 0o777;
/** setuid and setgid give the owner's rights to every user who runs the file. */
const OWNER_RIGHTS = 0o6000;

/**
 * Writes extracted files to a directory, and nothing outside of it. No name climbs. No symlink
 * below it is followed, neither the image's nor one of another process. Files get their final name
 * when they are whole.
 */
export class OutputDirectory implements CarveTarget {
  readonly #root: Buffer;
  readonly #force: boolean;
  #temporaries = 0;

  /**
   * Makes the directory if it is missing.
   * @param force existing files are replaced
   * @throws LayerslayerError IO_FAILED
   */
  constructor(path: string, { force }: { force: boolean }) {
    this.#root = bytesOfText(path);
    this.#force = force;
    attempt(path, () => {
      makeDirectories(path, NEW_DIRECTORY_MODE);
      accessSync(fsPath(path), constants.W_OK | constants.X_OK);
    });
  }

  display(names: readonly Uint8Array[]): string {
    return textOfBytes(this.#path(names));
  }

  check(names: readonly Uint8Array[]): void {
    for (let depth = 1; depth < names.length; depth++) {
      if (!this.#hasDirectory(names.slice(0, depth))) return;
    }
    if (!this.#status(names)?.isDirectory()) this.#checkFree(names);
  }

  begin(names: readonly Uint8Array[], attributes: KeptAttributes & { size: number }): TargetFile {
    const { path, temporary } = this.#freePath(names);
    return new OutputFile(path, temporary, this.#force, attributes);
  }

  /** `endDirectory` sets its attributes: they may forbid to write into it. */
  beginDirectory(names: readonly Uint8Array[]): void {
    this.#makeParents([...names, Buffer.alloc(0)]);
  }

  endDirectory(names: readonly Uint8Array[], attributes: KeptAttributes): void {
    if (names.length === 0) return; // the output directory itself is the user's
    const path = this.#path(names);
    attempt(textOfBytes(path), () => {
      chmodSync(path, keptMode(attributes, lstatSync(path)));
      const seconds = timeOf(attributes);
      utimesSync(path, seconds, seconds);
    });
  }

  symlink(names: readonly Uint8Array[], target: Uint8Array, attributes: KeptAttributes): void {
    const { path, temporary } = this.#freePath(names);
    attempt(textOfBytes(path), () => {
      symlinkSync(Buffer.from(target), temporary);
      const seconds = timeOf(attributes);
      lutimesSync(temporary, seconds, seconds);
      moveTo(path, temporary, this.#force);
    });
  }

  #path(names: readonly Uint8Array[]): Buffer {
    for (const name of names) {
      // The tree has no such names; a caller's mistake must not become a way out.
      if (/^\.{0,2}$|[/\0]/s.test(Buffer.from(name).toString('latin1')))
        throw new LayerslayerError('INTERNAL', `not a file name: ${quoteName(name)}`);
    }
    return Buffer.concat([this.#root, ...names.flatMap((name) => [SLASH, name])]);
  }

  /** Makes the parents of a free name. Returns its path, and one beside it. */
  #freePath(names: readonly Uint8Array[]): { path: Buffer; temporary: Buffer } {
    this.#makeParents(names);
    this.#checkFree(names);
    const name = Buffer.from(`.layerslayer-${process.pid}-${this.#temporaries++}`);
    return { path: this.#path(names), temporary: this.#path([...names.slice(0, -1), name]) };
  }

  #makeParents(names: readonly Uint8Array[]): void {
    for (let depth = 1; depth < names.length; depth++) {
      const parent = names.slice(0, depth);
      if (!this.#hasDirectory(parent)) attempt(this.display(parent), () => mkdirSync(this.#path(parent)));
    }
  }

  /** @throws LayerslayerError IO_FAILED if something else has the name */
  #hasDirectory(names: readonly Uint8Array[]): boolean {
    const status = this.#status(names);
    if (!status || status.isDirectory()) return status !== undefined;
    const what = status.isSymbolicLink()
      ? 'is a symlink, which is not followed'
      : 'is there, and no directory';
    throw new LayerslayerError('IO_FAILED', `${this.display(names)} ${what}`);
  }

  #checkFree(names: readonly Uint8Array[]): void {
    const status = this.#status(names);
    if (!status) return;
    if (status.isDirectory())
      throw new LayerslayerError('IO_FAILED', `${this.display(names)} is a directory already`);
    if (!this.#force) throw alreadyThere(this.display(names));
  }

  #status(names: readonly Uint8Array[]): Stats | undefined {
    const path = this.#path(names);
    return attempt(textOfBytes(path), () => lstatSync(path, { throwIfNoEntry: false }));
  }
}

/** A file under a temporary name beside its own. */
class OutputFile implements TargetFile {
  readonly #fd: number;
  #isOpen = true;

  constructor(
    private readonly path: Buffer,
    private readonly temporary: Buffer,
    private readonly force: boolean,
    private readonly attributes: KeptAttributes & { size: number },
  ) {
    this.#fd = attempt(textOfBytes(path), () => openSync(temporary, 'wx', 0o600));
  }

  /** @throws LayerslayerError IO_FAILED */
  write(bytes: Uint8Array, offset: number): void {
    attempt(textOfBytes(this.path), () => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
      }
    });
  }

  commit(): void {
    const { attributes } = this;
    try {
      attempt(textOfBytes(this.path), () => {
        ftruncateSync(this.#fd, attributes.size); // a hole at its end
        fchmodSync(this.#fd, keptMode(attributes, fstatSync(this.#fd)));
        const seconds = timeOf(attributes);
        futimesSync(this.#fd, seconds, seconds);
        this.#close();
        moveTo(this.path, this.temporary, this.force);
      });
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  discard(): void {
    this.#close();
    try {
      unlinkSync(this.temporary);
    } catch {
      // It has its final name, or another process removed it.
    }
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }
}

/** Moves a finished file to its name; unless forced only if the name is free at that moment. */
function moveTo(path: Buffer, temporary: Buffer, force: boolean): void {
  if (force) {
    renameSync(temporary, path);
    return;
  }
  try {
    moveToFreeName(temporary, path);
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? alreadyThere(textOfBytes(path)) : error;
  }
}

/** As `cp -p`: the owner's rights are kept only where the owner is the same. */
function keptMode({ mode, uid, gid }: KeptAttributes, status: Stats): number {
  return status.uid === uid && status.gid === gid ? mode : mode & ~OWNER_RIGHTS;
}

function timeOf({ mtimeSeconds, mtimeNanoseconds }: KeptAttributes): number {
  return mtimeSeconds + mtimeNanoseconds / 1e9;
}

function alreadyThere(path: string): LayerslayerError {
  return new LayerslayerError('IO_FAILED', `${path} is there already: --force replaces it`);
}

function attempt<T>(path: string, task: () => T): T {
  try {
    return task();
  } catch (error) {
    if (error instanceof LayerslayerError) throw error;
    throw new LayerslayerError('IO_FAILED', `writing ${path}: ${reasonText(error)}`, { cause: error });
  }
}
