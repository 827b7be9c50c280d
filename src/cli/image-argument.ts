import { resolve } from 'node:path';
import {
  formatImageLocation,
  type ImageLocation,
  parseImageLocation,
  withAbsolutePath,
} from '../oci/image-location.js';

/** IMAGE as it is handed on: in canonical form, found from any working directory (a daemon's is `/`). */
export interface ImageArgument {
  reference: string;
  /** Of an image on this machine: its directory or file. */
  localPath: string | undefined;
}

/** @throws LayerslayerError INVALID_REFERENCE; UNSUPPORTED for places that we cannot read */
export function imageArgument(image: string, cwd: string): ImageArgument {
  const location: ImageLocation = withAbsolutePath(parseImageLocation(image), (path) => resolve(cwd, path));
  return {
    reference: formatImageLocation(location),
    localPath: location.place === 'registry' ? undefined : location.path,
  };
}
