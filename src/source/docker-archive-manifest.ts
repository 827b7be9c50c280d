import { LayerslayerError } from '../base/errors.js';
import { isJsonObject, ownField, stringField, stringList } from '../oci/json.js';
import { LAYERS_MAX } from '../oci/manifest.js';
import { formatReference, parseReference } from '../oci/reference.js';

/** Characters: `PATH_MAX` of Linux. */
const NAME_LENGTH_MAX = 4096;

/** One image of docker save's `manifest.json`. Names are those of the archive's members. */
export interface ArchivedImage {
  config: string;
  names: string[]; // RepoTags in canonical form
  layers: string[]; // base first
}

/**
 * `manifest.json` of a docker-archive: a list of images.
 * @param what names it in messages
 * @throws LayerslayerError UNSUPPORTED
 */
export function parseArchiveManifest(bytes: Uint8Array, what: string): ArchivedImage[] {
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new LayerslayerError('UNSUPPORTED', `${what} is not JSON`, { cause: error });
  }
  if (!Array.isArray(list)) throw new LayerslayerError('UNSUPPORTED', `${what} is not a list of images`);
  return list.map((item, position) => parseImage(item, `image ${position} of ${what}`));
}

function parseImage(value: unknown, what: string): ArchivedImage {
  if (!isJsonObject(value)) throw new LayerslayerError('UNSUPPORTED', `${what} is not an object`);
  const config = stringField(value, 'Config');
  const layers = ownField(value, 'Layers') ?? [];
  if (!config) throw new LayerslayerError('UNSUPPORTED', `${what} names no Config`);
  if (!Array.isArray(layers) || !layers.every((layer) => typeof layer === 'string')) {
    throw new LayerslayerError('UNSUPPORTED', `${what}: Layers is not a list of names`);
  }
  if ([config, ...layers].some((name) => name.length > NAME_LENGTH_MAX)) {
    throw new LayerslayerError('UNSUPPORTED', `${what}: a member's name is longer than ${NAME_LENGTH_MAX}`);
  }
  if (layers.length > LAYERS_MAX) {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `${what} has ${layers.length} layers, over the limit of ${LAYERS_MAX}`,
    );
  }
  return { config, layers, names: (stringList(value, 'RepoTags') ?? []).flatMap(canonicalName) };
}

/** Returns no name for text that is no reference: it could not be requested. */
function canonicalName(name: string): string[] {
  try {
    return [formatReference(parseReference(name))];
  } catch {
    return [];
  }
}
