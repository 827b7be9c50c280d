import { unsupported } from '../base/errors.js';
import { isJsonObject, ownField, parseJson, stringField, stringList } from '../oci/json.js';
import { LAYERS_MAX } from '../oci/manifest.js';
import { formatReference, parseReference } from '../oci/reference.js';
import type { NamedImage } from './named-images.js';

/** Characters: `PATH_MAX` of Linux. */
const NAME_LENGTH_MAX = 4096;

/** One image of `manifest.json`. Its names are RepoTags in canonical form. */
export interface ArchivedImage extends NamedImage {
  config: string; // a member of the archive
  layers: string[]; // members of the archive, base first
}

/**
 * Parses `manifest.json` of a docker-archive: a list of images.
 * @param what names it in messages
 * @throws LayerslayerError UNSUPPORTED
 */
export function parseArchiveManifest(bytes: Uint8Array, what: string): ArchivedImage[] {
  const list = parseJson(bytes, what);
  if (!Array.isArray(list)) throw unsupported(`${what} is not a list of images`);
  return list.map((item, position) => parseImage(item, position, `image ${position} of ${what}`));
}

function parseImage(value: unknown, position: number, what: string): ArchivedImage {
  if (!isJsonObject(value)) throw unsupported(`${what} is not an object`);
  const config = stringField(value, 'Config');
  const layers = ownField(value, 'Layers') ?? [];
  if (!config) throw unsupported(`${what} names no Config`);
  if (!Array.isArray(layers) || !layers.every((layer) => typeof layer === 'string')) {
    throw unsupported(`${what}: Layers is not a list of names`);
  }
  if ([config, ...layers].some((name) => name.length > NAME_LENGTH_MAX)) {
    throw unsupported(`${what}: a member's name is longer than ${NAME_LENGTH_MAX}`);
  }
  if (layers.length > LAYERS_MAX) {
    throw unsupported(`${what} has ${layers.length} layers, over the limit of ${LAYERS_MAX}`);
  }
  const names = (stringList(value, 'RepoTags') ?? []).flatMap(canonicalName);
  return { config, layers, names, position };
}

/** Returns no name for text that is no reference: it could not be requested. */
function canonicalName(name: string): string[] {
  try {
    return [formatReference(parseReference(name))];
  } catch {
    return [];
  }
}
