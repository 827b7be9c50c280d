import { asLayerslayerError, type ErrorCode } from '../base/errors.js';
import type { Log } from '../base/log.js';
import {
  type CachedIndexes,
  type IndexOrigin,
  type IndexProvider,
  type IndexSources,
  isAdmitted,
  type ProvidedIndex,
} from '../index/cached-indexes.js';
import type { TableAllowance } from '../index/index-pass.js';
import { shortDigest } from '../oci/digest.js';
import type { ResolvedImage } from '../source/image-source.js';
import { announcedTables, type TableAnnouncement } from '../tables/announcement.js';
import type { Fetching } from './fetch/fetching.js';
import type { InflatePool } from './inflate/inflate-pool.js';
import type { WantedBlob } from './wanted-blobs.js';

/** Faults of an index itself: asking again gives the same. */
const LASTING = new Set<ErrorCode>(['CORRUPT_LAYER', 'UNSUPPORTED', 'DIGEST_MISMATCH']);

/** What providers need of a session. */
export interface ProviderParts {
  fetching: Fetching;
  inflate: InflatePool;
  indexes: CachedIndexes;
  allowance(image: ResolvedImage, size: number): TableAllowance;
  log: Log;
}

/** A layer of an image. */
export interface WantedLayer {
  image: ResolvedImage;
  wanted: WantedBlob;
}

/** Returns what the image announces for a layer. */
export function tablesOf({ image, wanted }: WantedLayer): TableAnnouncement[] {
  const { manifest } = image;
  return announcedTables(manifest.layers[wanted.numbers[0]! - 1]!, manifest);
}

/** Returns the providers of a layer's indexes that others made, of which `sources` admits some. */
export function foreignProviders(
  layer: WantedLayer,
  sources: IndexSources,
  parts: ProviderParts,
): IndexProvider[] {
  if (sources.trust === 'none') return [];
  return tablesOf(layer).flatMap((announcement) => {
    if (announcement.format === 'soci') return [];
    const { format, digest } = announcement;
    const origin = (isExact: boolean): IndexOrigin => ({ kind: 'table', format, digest, isExact });
    const make = (signal: AbortSignal) => readTable(layer, announcement, origin, parts, signal);
    return providerOf(layer, [origin(true), origin(false)], make, sources, parts);
  });
}

/** @param origins all that `make` may return an index of */
function providerOf(
  { wanted: { digest, size } }: WantedLayer,
  origins: readonly IndexOrigin[],
  make: (signal: AbortSignal) => Promise<ProvidedIndex | undefined>,
  sources: IndexSources,
  { indexes, log }: ProviderParts,
): IndexProvider[] {
  const admitted = origins.filter((origin) => isAdmitted(origin, sources));
  const [first] = admitted;
  if (!first) return [];
  return [
    {
      origins: admitted,
      async find(signal) {
        try {
          const found = await make(signal);
          return found && isAdmitted(found.origin, sources) ? found : undefined;
        } catch (error) {
          signal.throwIfAborted();
          const { code, message } = asLayerslayerError(error);
          log.warn(`layer ${shortDigest(digest)} (${size} bytes) is read whole: ${message}`);
          if (LASTING.has(code)) await indexes.refute(digest, first, message);
          return undefined;
        }
      },
    },
  ];
}

async function readTable(
  { image, wanted }: WantedLayer,
  announcement: Exclude<TableAnnouncement, { format: 'soci' }>,
  origin: (isExact: boolean) => IndexOrigin,
  { fetching, inflate, allowance }: ProviderParts,
  signal: AbortSignal,
): Promise<ProvidedIndex> {
  const { digest, size } = wanted;
  const blob = await fetching.openBlob(image, wanted);
  await fetching.setVerification(digest, { kind: 'reader' });
  const request = { blob, digest, blobSize: size, announcement, allowance: allowance(image, size) };
  const { bytes, isExact } = await inflate.readTable(request, signal);
  return { bytes, origin: origin(isExact) };
}
