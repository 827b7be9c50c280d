import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fsPath } from '../base/raw-text.js';
import type { ChoosePath } from '../oci/image-location.js';

/**
 * Returns the path that exists: a layout, else a directory for `oci`; any other file for archives.
 * The shortest wins, as in skopeo, where the first colon ends the path.
 */
export const chooseLocalPath: ChoosePath = (place, paths) => {
  if (place !== 'oci') return paths.findIndex((path) => isDirectory(path) === false);
  const layout = paths.findIndex((path) => existsSync(fsPath(join(path, 'index.json'))));
  return layout === -1 ? paths.findIndex(isDirectory) : layout;
};

/** @returns undefined if no path exists */
function isDirectory(path: string): boolean | undefined {
  try {
    return statSync(fsPath(path)).isDirectory();
  } catch {
    return undefined;
  }
}
