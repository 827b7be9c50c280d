import { makeDirectories } from '../base/make-directories.js';
import { diskFault } from '../base/on-disk.js';

/** Less the umask, as every program's. */
const DIRECTORY_MODE = 0o777;

/** Makes it, and those above it. @throws LayerslayerError IO_FAILED */
export function makeOutputDirectory(path: string): void {
  try {
    makeDirectories(path, DIRECTORY_MODE);
  } catch (error) {
    throw diskFault(`making ${path}`, error);
  }
}
