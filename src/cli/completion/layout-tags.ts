import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fsPath } from '../../base/text/raw-text.js';
import { isJsonObject, ownField, parseJsonObject, stringField } from '../../oci/json.js';

/** What a layout calls an image. (OCI image-spec, annotations.md) */
const NAME_ANNOTATION = 'org.opencontainers.image.ref.name';

/** Bytes of an `index.json` that is read: a layout with a thousand images has 300 KiB. */
const INDEX_SIZE_MAX = 1024 ** 2;

/**
 * Returns the names of the images in an OCI layout; none if it is no layout.
 * @param location `oci:DIR`
 */
export function layoutTags(location: string, cwd: string): string[] {
  const path = fsPath(join(resolve(cwd, location.slice('oci:'.length)), 'index.json'));
  const status = statSync(path, { throwIfNoEntry: false });
  // Reading a pipe would wait.
  if (!status?.isFile() || status.size > INDEX_SIZE_MAX) return [];
  const manifests = ownField(parseJsonObject(readFileSync(path), 'index.json'), 'manifests');
  if (!Array.isArray(manifests)) return [];
  return manifests.flatMap((manifest) => {
    const annotations = isJsonObject(manifest) ? ownField(manifest, 'annotations') : undefined;
    return (isJsonObject(annotations) ? stringField(annotations, NAME_ANNOTATION) : undefined) ?? [];
  });
}
