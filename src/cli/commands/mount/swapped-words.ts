import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { LayerslayerError } from '../../../base/errors.js';
import { fsPath } from '../../../base/text/raw-text.js';
import { imageArgument, localImage } from '../../../surroundings/image-argument.js';

/** Returns the error of IMAGE or MOUNTPOINT, with advice if each seems to be the other. */
export function withSwapHint(error: unknown, image: string, directory: string, cwd: string): unknown {
  if (!(error instanceof LayerslayerError) || !seemSwapped(image, directory, cwd)) return error;
  const hint = `IMAGE comes first: did you mean ${directory} ${image}?`;
  return new LayerslayerError(error.code, `${error.message} (${hint})`, { cause: error });
}

function seemSwapped(image: string, directory: string, cwd: string): boolean {
  const isDirectory = statSync(fsPath(resolve(cwd, image)), { throwIfNoEntry: false })?.isDirectory();
  if (!isDirectory || localImage(image, cwd) !== undefined) return false;
  if (existsSync(fsPath(resolve(cwd, directory)))) return false;
  try {
    imageArgument(directory, cwd);
    return true;
  } catch {
    return false;
  }
}
