import { accessSync, constants } from 'node:fs';
import { posix } from 'node:path';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { findOutput, type OutputName } from '../../base/output-name.js';
import { reasonText } from '../../base/system-error-text.js';
import { bytesOfText, fsPath } from '../../base/text/raw-text.js';
import { alreadyThere, attempt } from '../output/output-file.js';

/** What is copied. */
export interface CopySource {
  isDirectory: boolean;
  /** A symlink itself: it takes the name of DEST, and does not follow it. */
  isLink?: boolean;
  /** Its base name; undefined: only what is in the directory (`PATH/.`, and the root). */
  name: Uint8Array | undefined;
}

/** Where a copy goes: the names are those of its root, below a directory that exists. */
export interface CopyPlace {
  directory: string;
  names: readonly Uint8Array[]; // empty: into the directory itself
}

/** DEST of `cp`, by the table of cases of `docker cp`. A DEST that is a symlink is followed. */
export class CopyDestination {
  readonly #path: string; // absolute, without slashes at its end
  readonly #followed: string; // the same, but of a file where a symlink leads to
  readonly #kind: OutputName['kind'];
  readonly #wantsDirectory: boolean;

  /**
   * @param text as the user gave it
   * @param force a file that is there is replaced
   * @throws LayerslayerError IO_FAILED if nothing can be copied there; INVALID_ARGUMENT if empty
   */
  constructor(
    private readonly text: string,
    { cwd, force }: { cwd: string; force: boolean },
  ) {
    // A variable of a script that is not set: the working directory is not meant.
    if (text === '') throw new LayerslayerError('INVALID_ARGUMENT', 'DEST is empty');
    const path = text.startsWith('/') ? text : `${cwd}/${text}`;
    this.#path = path.replace(/\/+$/, '') || '/';
    this.#wantsDirectory = text.endsWith('/');
    const found = outputAt(path, text);
    this.#kind = found.kind;
    const isDirectory = found.kind === 'directory';
    this.#followed = found.kind === 'stream' ? this.#path : found.path.replace(/\/+$/, '') || '/';
    if (found.kind === 'stream') return;
    if (found.kind === 'file' && !force) throw alreadyThere(text);
    const parent = isDirectory ? this.#path : posix.dirname(this.#followed);
    const shown = isDirectory ? text : posix.dirname(text);
    const isThere = isDirectory || outputAt(parent, shown).kind === 'directory';
    if (!isThere) throw new LayerslayerError('IO_FAILED', `no such directory: ${shown}`);
    attempt(shown, () => accessSync(fsPath(parent), constants.W_OK | constants.X_OK));
  }

  /** The device, FIFO or socket that DEST is: a file's content is written to it. */
  get stream(): string | undefined {
    return this.#kind === 'stream' ? this.#path : undefined;
  }

  /** @throws LayerslayerError IO_FAILED if the source can't be copied there */
  placeOf({ isDirectory, isLink, name }: CopySource): CopyPlace {
    if (this.#kind === 'directory') return { directory: this.#path, names: name ? [name] : [] };
    if (this.#kind === 'stream') {
      const message = `${this.text} is no directory and no file: it takes only a file's content`;
      throw new LayerslayerError('IO_FAILED', message);
    }
    if (this.#wantsDirectory && !isDirectory)
      throw new LayerslayerError('IO_FAILED', `no such directory: ${this.text}`);
    const { dir, base } = posix.parse(isLink ? this.#path : this.#followed);
    return { directory: dir, names: [bytesOfText(base)] };
  }
}

/** @throws LayerslayerError IO_FAILED */
function outputAt(path: string, shown: string): OutputName {
  try {
    return findOutput(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'free', path };
    throw new LayerslayerError('IO_FAILED', `writing to ${shown}: ${reasonText(error)}`, { cause: error });
  }
}
