import { Catalog } from '../../catalog/catalog.js';
import { parseFilter } from '../../catalog/query/filter-text.js';
import type { EntryQuery } from '../../catalog/search/entry-query.js';
import { pathMatcher } from '../../catalog/search/path-matcher.js';
import { type FoundEntry, searchImage } from '../../catalog/search/search-image.js';
import { placedRecord, shownEntry } from '../../image/records/entry-record.js';
import type { Digest } from '../../oci/digest.js';
import { formatPlatform } from '../../oci/platform.js';
import type { CacheQuestion, FindQuestion, FoundImage } from './analysis-protocol.js';
import type { HeldView } from './given-view.js';

/**
 * Yields the lines of `/find` in one image: what was found, then the end.
 * @throws LayerslayerError INVALID_ARGUMENT; as `searchImage`
 */
export async function* imageRecords(
  { layers, tree, searched }: HeldView,
  question: FindQuestion & { image: FoundImage; doubt: object },
): AsyncGenerator<object, void, undefined> {
  const query = await queryOf(question);
  const digests = new Map(layers.map(({ number, layer }) => [number, layer.digest]));
  let found = 0;
  for await (const entry of searchImage(searched, query, { wholeTree: async () => tree })) {
    found++;
    yield foundRecord(question.image, entry, digests.get(entry.layer), question.doubt);
  }
  yield { complete: true, searched: 1, incomplete: 0, found };
}

/**
 * Yields the lines of `/find` in all images of the cache.
 * @throws LayerslayerError INVALID_ARGUMENT; as `Catalog.search`
 */
export async function* cacheRecords({
  directory,
  sources,
  platform,
  layer,
  ...question
}: CacheQuestion): AsyncGenerator<object, void, undefined> {
  const query = await queryOf(question);
  const search = new Catalog(directory, sources).search(query, { platform, layer });
  let found = 0;
  let next = await search.next();
  for (; !next.done; next = await search.next()) {
    const { image, uncompared, entries } = next.value;
    const shown = {
      reference: image.reference,
      digest: image.digest,
      platform: formatPlatform(image.platform),
    };
    const doubt = uncompared.length > 0 ? { verified: false } : {};
    for await (const entry of entries) {
      found++;
      yield foundRecord(shown, entry, image.layers[entry.layer - 1]?.digest, doubt);
    }
  }
  const { searched, incomplete } = next.value;
  yield { complete: incomplete === 0, searched, incomplete, found };
}

async function queryOf({ pattern, regex, ignoreCase, deleted, filter }: FindQuestion): Promise<EntryQuery> {
  const conditions = parseFilter(filter);
  const matcher = await pathMatcher(pattern, { isRegex: regex, ignoresCase: ignoreCase });
  return { matcher, filter: conditions, hiddenOnly: deleted };
}

function foundRecord(
  image: FoundImage,
  { path, from, at, layer, hidden }: FoundEntry,
  layerDigest: Digest | undefined,
  doubt: object,
): object {
  return { image, ...placedRecord(shownEntry(from, at), path, { layer, layerDigest, hidden }, doubt) };
}
