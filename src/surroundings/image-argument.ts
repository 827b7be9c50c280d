import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LayerslayerError } from '../base/errors.js';
import { fsPath } from '../base/text/raw-text.js';
import {
  formatImageLocation,
  type ImageLocation,
  parseImageLocation,
  withAbsolutePath,
} from '../oci/image-location.js';
import { formatRepository } from '../oci/reference.js';
import { chooseLocalPath } from '../source/located-source.js';
import { localImage, withLocalImageHint } from './local-image-hint.js';

export { localImage, withLocalImageHint };

/**
 * Returns IMAGE in canonical form, valid in any working directory (a daemon's is `/`), and the
 * directory or file of an image on this machine.
 * @throws LayerslayerError INVALID_REFERENCE; UNSUPPORTED for unknown transports
 */
export function imageArgument(
  image: string,
  cwd: string,
): { reference: string; localPath: string | undefined } {
  const toAbsolute = (path: string) => resolve(cwd, path);
  let given: ImageLocation;
  try {
    given = parseImageLocation(image, (place, paths) => chooseLocalPath(place, paths.map(toAbsolute)));
  } catch (error) {
    throw withLocalImageHint(error, image, cwd);
  }
  const location = withAbsolutePath(given, toAbsolute);
  const reference = formatImageLocation(location);
  if (location.place === 'registry') return { reference, localPath: undefined };
  checkReadable(reference, location.path);
  return { reference, localPath: location.path };
}

/**
 * Returns REPOSITORY in canonical form: `docker.io/library/nginx`, `oci:/srv/images`.
 * @throws LayerslayerError INVALID_ARGUMENT for an image of it; as `imageArgument`
 */
export function repositoryArgument(text: string, cwd: string): string {
  const { reference } = imageArgument(text, cwd);
  const location = parseImageLocation(reference, chooseLocalPath);
  if (location.place !== 'registry') {
    const { place, path, tag, position } = location;
    const all = formatImageLocation({ place, path });
    if (tag !== undefined || position !== undefined) throw namesOneImage(text, all);
    return all;
  }
  const named = text.split(/:[^/]*$|@/)[0]!; // the parsed tag is `latest` if there is none
  if (named !== text) throw namesOneImage(text, named);
  return formatRepository(location.reference);
}

function namesOneImage(text: string, repository: string): LayerslayerError {
  const advice = `want a repository: ${repository} (inspect ${text} shows the image)`;
  return new LayerslayerError('INVALID_ARGUMENT', `${text} names one image, ${advice}`);
}

/**
 * Checks that `reference` means `path`. In a directory `/a:b`, `oci:img` is `oci:/a:b/img`: an
 * image of `/a` if that is a layout too.
 */
function checkReadable(reference: string, path: string): void {
  const again = parseImageLocation(reference, chooseLocalPath);
  if (again.place === 'registry' || again.path === path) return;
  throw existsSync(fsPath(path))
    ? new LayerslayerError(
        'INVALID_REFERENCE',
        `${reference}: ${again.path} is an image too: rename one of them`,
      )
    : new LayerslayerError('NOT_FOUND', `${path}: no such file`);
}
