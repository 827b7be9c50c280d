import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fsPath } from '../base/raw-text.js';
import type { ChoosePath } from '../oci/image-location.js';

/**
 * The path that is there: for `oci` a layout, else a directory; for archives anything but a directory.
 * Of several the shortest, as in skopeo, where the first colon ends the path.
 */
export const chooseLocalPath: ChoosePath = (place, paths) => {
  if (place !== 'oci') return paths.findIndex((path) => isDirectory(path) === false);
  const layout = paths.findIndex((path) => existsSync(fsPath(join(path, 'index.json'))));
  return layout === -1 ? paths.findIndex(isDirectory) : layout;
};

/** @returns undefined when nothing is there */
function isDirectory(path: string): boolean | undefined {
  try {
    return statSync(fsPath(path)).isDirectory();
  } catch {
    return undefined;
  }
}
