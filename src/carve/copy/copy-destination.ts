import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { posix } from 'node:path';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';
import { bytesOfText, fsPath } from '../../base/text/raw-text.js';
import { alreadyThere, attempt } from '../output/output-file.js';

/** What is copied. */
export interface CopySource {
  isDirectory: boolean;
  /** Its base name; undefined: only what is in the directory (`PATH/.`, and the root). */
  name: Uint8Array | undefined;
}

/** Where a copy goes: the names are those of its root, below a directory that exists. */
export interface CopyPlace {
  directory: string;
  names: readonly Uint8Array[]; // empty: into the directory itself
}

/** DEST of `cp`, by the table of cases of `docker cp`. */
export class CopyDestination {
  readonly #path: string; // absolute, without slashes at its end
  readonly #isDirectory: boolean;
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
    const status = statusOf(path, text);
    this.#isDirectory = status?.isDirectory() ?? false;
    if (status && !this.#isDirectory && !force) throw alreadyThere(text);
    const parent = this.#isDirectory ? this.#path : posix.dirname(this.#path);
    const shown = this.#isDirectory ? text : posix.dirname(text);
    const isThere = this.#isDirectory || statusOf(parent, shown)?.isDirectory();
    if (!isThere) throw new LayerslayerError('IO_FAILED', `no such directory: ${shown}`);
    attempt(shown, () => accessSync(fsPath(parent), constants.W_OK | constants.X_OK));
  }

  /** @throws LayerslayerError IO_FAILED if the source can't be copied there */
  placeOf({ isDirectory, name }: CopySource): CopyPlace {
    if (this.#isDirectory) return { directory: this.#path, names: name ? [name] : [] };
    if (this.#wantsDirectory && !isDirectory)
      throw new LayerslayerError('IO_FAILED', `no such directory: ${this.text}`);
    const { dir, base } = posix.parse(this.#path);
    return { directory: dir, names: [bytesOfText(base)] };
  }
}

/** Follows symlinks. @returns undefined if nothing is there */
function statusOf(path: string, shown: string): Stats | undefined {
  try {
    return statSync(fsPath(path), { throwIfNoEntry: false });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new LayerslayerError('IO_FAILED', `writing to ${shown}: ${reasonText(error)}`, { cause: error });
  }
}
