import { printable } from '../../../base/text/printable.js';
import type { Digest } from '../../../oci/digest.js';
import { formatPlatform } from '../../../oci/platform.js';
import type { Publication, PublishedArtifact } from '../../../publish/publication.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import { textTable } from '../../terminal/layout/table.js';
import { fetchedText, imageTitle } from '../../terminal/wording/result-line.js';
import { countText, formatSize } from '../../terminal/wording/size.js';

/** Where the index of a layer is now: made, cached before, or published by others. */
export type IndexState = 'indexed' | 'cached' | 'published';

/** What `index` did for one image. */
export interface IndexSummary {
  image: ResolvedImage;
  states: readonly IndexState[]; // of each layer, base first
  publication: Publication | undefined; // with --push
  bytesFetched: number;
  elapsedMs: number;
}

/** `IMAGE@DIGEST (linux/amd64): 8 layers indexed, published in REPO, 19.8 MiB fetched in 1.9 s` */
export function indexLine({ image, states, publication, bytesFetched, elapsedMs }: IndexSummary): string {
  const made = states.filter((state) => state === 'indexed').length;
  const counted = made === states.length ? '' : ` (${states.length - made} before)`;
  const parts = [`${countText(states.length, 'layer')} indexed${counted}`];
  if (publication) parts.push(publishedText(publication));
  parts.push(fetchedText(bytesFetched, elapsedMs));
  return printable(`${imageTitle(image)} (${formatPlatform(image.platform)}): ${parts.join(', ')}`);
}

function publishedText({ artifacts, uploaded, uploadedBytes }: Publication): string {
  const [first] = artifacts;
  const where = first === undefined ? 'nowhere' : first.repository;
  const sent = `${countText(uploaded, 'index', 'indexes')} (${formatSize(uploadedBytes)}) uploaded`;
  return `published in ${where}, ${sent}`;
}

/** The contract with programs. */
export function indexRecord(summary: IndexSummary): Record<string, unknown> {
  const { image, states, publication, bytesFetched, elapsedMs } = summary;
  return {
    ...imageFields(image),
    layers: image.manifest.layers.map(({ digest, size }, i) => ({
      layer: i + 1,
      digest,
      size,
      state: states[i],
    })),
    ...(publication && {
      published: publication.artifacts.map(artifactRecord),
      uploaded: publication.uploaded,
      uploadedBytes: publication.uploadedBytes,
    }),
    bytesFetched,
    elapsedMs: Math.round(elapsedMs),
  };
}

/** @param reference its tag is that of a list of referrers, a signature or a layer index */
export function skippedLine(reference: string): string {
  return `${reference}: skipped: no image`;
}

/** The line of `skippedLine` for programs. */
export function skippedRecord(reference: string): Record<string, unknown> {
  return { reference, state: 'skipped' };
}

/** The manifests of an image's indexes, as `index ls` and `index rm` show them to programs. */
export function artifactsRecord(
  image: ResolvedImage,
  artifacts: readonly PublishedArtifact[],
): Record<string, unknown> {
  return { ...imageFields(image), published: artifacts.map(artifactRecord) };
}

/** A row for each manifest. Layers are those of the image that it has an index of. */
export function artifactTable(image: ResolvedImage, artifacts: readonly PublishedArtifact[]): string {
  const rows = artifacts.map(({ repository, digest, tag, indexes }) => [
    `${repository}@${digest}`,
    layerNumbers(image, new Set(indexes.map(({ layer }) => layer))),
    formatSize(indexes.reduce((sum, { blob }) => sum + blob.size, 0)),
    tag ?? '',
  ]);
  return textTable([['MANIFEST', 'LAYERS', 'SIZE', 'TAG'], ...rows]);
}

/** `1-3, 7` */
function layerNumbers({ manifest: { layers } }: ResolvedImage, wanted: ReadonlySet<Digest>): string {
  const ranges: { first: number; last: number }[] = [];
  for (const [i, { digest }] of layers.entries()) {
    if (!wanted.has(digest)) continue;
    const last = ranges.at(-1);
    if (last?.last === i) last.last = i + 1;
    else ranges.push({ first: i + 1, last: i + 1 });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}

function imageFields({ reference, digest, platform }: ResolvedImage): Record<string, unknown> {
  return { reference, digest, platform: formatPlatform(platform) };
}

function artifactRecord({ repository, digest, tag, indexes }: PublishedArtifact): Record<string, unknown> {
  return {
    repository,
    digest,
    ...(tag !== undefined && { tag }),
    indexes: indexes.map(({ layer, blob, version }) => ({
      layer,
      digest: blob.digest,
      size: blob.size,
      version,
    })),
  };
}
