import { closeSync, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { moveToFreeName } from '../../base/move-file.js';
import { reasonText } from '../../base/system-error-text.js';
import { textOfBytes } from '../../base/text/raw-text.js';
import type { KeptAttributes, TargetFile } from './carve-target.js';
import type { AttributeWriter } from './kept-attributes.js';

/** A name in an output directory, and how a file gets it. */
export interface OutputName {
  path: Buffer;
  temporary: Buffer; // a name beside it
  force: boolean; // replaces what has the name
}

/** A regular file under a temporary name beside its own. */
export class OutputFile implements TargetFile {
  readonly #fd: number;
  #isOpen = true;

  /** @throws LayerslayerError IO_FAILED */
  constructor(
    private readonly name: OutputName,
    private readonly attributes: KeptAttributes & { size: number },
    private readonly writer: AttributeWriter,
  ) {
    this.#fd = attempt(textOfBytes(name.path), () => openSync(name.temporary, 'wx', 0o600));
  }

  /** @throws LayerslayerError IO_FAILED */
  write(bytes: Uint8Array, offset: number): void {
    attempt(textOfBytes(this.name.path), () => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
      }
    });
  }

  commit(): void {
    const { attributes, name } = this;
    try {
      attempt(textOfBytes(name.path), () => {
        ftruncateSync(this.#fd, attributes.size); // a hole at its end
        this.writer.apply({ kind: 'file', path: name.temporary, fd: this.#fd }, attributes);
        this.#close();
        moveToName(name);
      });
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  discard(): void {
    this.#close();
    removeTemporary(this.name);
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }
}

/**
 * Moves a complete file to its name; unless forced only if the name is free at that moment.
 * @throws LayerslayerError IO_FAILED if it is not; the system's error
 */
export function moveToName({ path, temporary, force }: OutputName): void {
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

/** Removes what did not get its name. */
export function removeTemporary({ temporary }: Pick<OutputName, 'temporary'>): void {
  try {
    unlinkSync(temporary);
  } catch {
    // It has its final name, or another process removed it.
  }
}

export function alreadyThere(path: string): LayerslayerError {
  return new LayerslayerError('IO_FAILED', `${path} is there already: --force replaces it`);
}

/** @throws LayerslayerError of the task; IO_FAILED for other errors, naming what was written */
export function attempt<T>(path: string, task: () => T): T {
  try {
    return task();
  } catch (error) {
    if (error instanceof LayerslayerError) throw error;
    throw new LayerslayerError('IO_FAILED', `writing ${path}: ${reasonText(error)}`, { cause: error });
  }
}
