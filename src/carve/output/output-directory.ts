import { accessSync, constants, lstatSync, mkdirSync, type Stats, statSync, symlinkSync } from 'node:fs';
import { LayerslayerError } from '../../base/errors.js';
import { makeDirectories } from '../../base/make-directories.js';
import { quoteName } from '../../base/text/quote-name.js';
import { bytesOfText, fsPath, textOfBytes } from '../../base/text/raw-text.js';
import type { CarveTarget, KeptAttributes, TargetFile } from './carve-target.js';
import { type AttributeWriter, MODE_AND_TIME } from './kept-attributes.js';
import {
  alreadyThere,
  attempt,
  moveToName,
  OutputFile,
  type OutputName,
  removeTemporary,
} from './output-file.js';

const SLASH = Buffer.from('/');
/** Of the output directory and those above it, before the umask. */
const NEW_DIRECTORY_MODE = 0o777;

export interface OutputDirectoryOptions {
  force: boolean; // existing files are replaced
  attributes?: AttributeWriter | undefined; // default: mode and time
}

/**
 * Writes extracted files to a directory, and nothing outside of it. No name climbs. No symlink
 * below it is followed, neither the image's nor one of another process. Files get their final name
 * when they are whole.
 */
export class OutputDirectory implements CarveTarget {
  readonly #root: Buffer;
  readonly #force: boolean;
  protected readonly attributes: AttributeWriter;
  #temporaries = 0;

  /**
   * Makes the directory if it is missing.
   * @throws LayerslayerError IO_FAILED
   */
  constructor(path: string, { force, attributes = MODE_AND_TIME }: OutputDirectoryOptions) {
    this.#root = bytesOfText(path);
    this.#force = force;
    this.attributes = attributes;
    attempt(path, () => {
      if (statSync(fsPath(path), { throwIfNoEntry: false })?.isDirectory() === false)
        throw new LayerslayerError('IO_FAILED', `${path} is there, and is no directory`);
      makeDirectories(path, NEW_DIRECTORY_MODE);
      accessSync(fsPath(path), constants.W_OK | constants.X_OK);
    });
  }

  display(names: readonly Uint8Array[]): string {
    return textOfBytes(this.path(names));
  }

  check(names: readonly Uint8Array[]): void {
    for (let depth = 1; depth < names.length; depth++) {
      if (!this.hasDirectory(names.slice(0, depth))) return;
    }
    if (!this.#status(names)?.isDirectory()) this.#checkFree(names);
  }

  begin(names: readonly Uint8Array[], attributes: KeptAttributes & { size: number }): TargetFile {
    return new OutputFile(this.#freeName(names), attributes, this.attributes);
  }

  /** `endDirectory` sets its attributes: they may forbid to write into it. */
  beginDirectory(names: readonly Uint8Array[], _attributes?: KeptAttributes): void {
    this.#makeParents([...names, Buffer.alloc(0)]);
  }

  endDirectory(names: readonly Uint8Array[], attributes: KeptAttributes): void {
    if (names.length === 0) return; // the output directory itself is the user's
    const path = this.path(names);
    attempt(textOfBytes(path), () => this.attributes.apply({ kind: 'dir', path }, attributes));
  }

  symlink(names: readonly Uint8Array[], target: Uint8Array, attributes: KeptAttributes): void {
    this.place(names, (temporary) => {
      symlinkSync(Buffer.from(target), temporary);
      this.attributes.apply({ kind: 'symlink', path: temporary }, attributes);
    });
  }

  /**
   * Makes a file under a temporary name, and moves it to its own. Leaves nothing after a fault.
   * @param isSame whether a device or FIFO that is there may be replaced; default: none may
   */
  protected place(
    names: readonly Uint8Array[],
    make: (temporary: Buffer) => void,
    isSame?: (status: Stats) => boolean,
  ): void {
    const name = this.#freeName(names, isSame);
    try {
      attempt(textOfBytes(name.path), () => {
        make(name.temporary);
        moveToName(name);
      });
    } catch (error) {
      removeTemporary(name);
      throw error;
    }
  }

  protected path(names: readonly Uint8Array[]): Buffer {
    for (const name of names) {
      // The tree has no such names; a caller's mistake must not become a way out.
      if (/^\.{0,2}$|[/\0]/s.test(Buffer.from(name).toString('latin1')))
        throw new LayerslayerError('INTERNAL', `not a file name: ${quoteName(name)}`);
    }
    return Buffer.concat([this.#root, ...names.flatMap((name) => [SLASH, name])]);
  }

  /** @throws LayerslayerError IO_FAILED if something else has the name */
  protected hasDirectory(names: readonly Uint8Array[]): boolean {
    const status = this.#status(names);
    if (!status || status.isDirectory()) return status !== undefined;
    const what = status.isSymbolicLink()
      ? 'is a symlink, which is not followed'
      : 'is there, and no directory';
    throw new LayerslayerError('IO_FAILED', `${this.display(names)} ${what}`);
  }

  /** Makes the parents of a free name. */
  #freeName(names: readonly Uint8Array[], isSame?: (status: Stats) => boolean): OutputName {
    this.#makeParents(names);
    this.#checkFree(names, isSame);
    const beside = Buffer.from(`.layerslayer-${process.pid}-${this.#temporaries++}`);
    return {
      path: this.path(names),
      temporary: this.path([...names.slice(0, -1), beside]),
      force: this.#force,
    };
  }

  #makeParents(names: readonly Uint8Array[]): void {
    for (let depth = 1; depth < names.length; depth++) {
      const parent = names.slice(0, depth);
      if (!this.hasDirectory(parent)) attempt(this.display(parent), () => mkdirSync(this.path(parent)));
    }
  }

  #checkFree(names: readonly Uint8Array[], isSame: (status: Stats) => boolean = () => false): void {
    const status = this.#status(names);
    if (!status) return;
    if (status.isDirectory())
      throw new LayerslayerError('IO_FAILED', `${this.display(names)} is a directory already`);
    // Other programs use it by this name.
    if (!status.isFile() && !status.isSymbolicLink() && !isSame(status)) {
      const what = 'is a device, fifo or socket, which is not replaced';
      throw new LayerslayerError('IO_FAILED', `${this.display(names)} ${what}`);
    }
    if (!this.#force) throw alreadyThere(this.display(names));
  }

  #status(names: readonly Uint8Array[]): Stats | undefined {
    const path = this.path(names);
    return attempt(textOfBytes(path), () => lstatSync(path, { throwIfNoEntry: false }));
  }
}
