import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, isDigest } from '../oci/digest.js';
import { TABLE_SIZE, TAR_SPLIT_SIZE } from './table-limits.js';

/** Where a compressed part of a layer is. */
export interface TablePosition {
  offset: number; // bytes of the blob
  length: number; // compressed bytes
  size: number; // uncompressed bytes
}

/** A table that an image's manifest announces for a layer, before a byte of it was read. */
export type TableAnnouncement =
  /** `digest` is of the uncompressed JSON. */
  | { format: 'estargz'; digest: Digest }
  /** `digest` is of the compressed table. The eStargz digest is of the uncompressed one. */
  | ({
      format: 'zstd:chunked';
      digest: Digest;
      tarSplit?: TablePosition;
      estargzDigest?: Digest;
    } & TablePosition)
  /** `index` is the SOCI index manifest that the image's manifest names. (v2) */
  | { format: 'soci'; index: Digest };

export type TableFormat = TableAnnouncement['format'];

const TABLE_FORMATS: readonly unknown[] = ['estargz', 'zstd:chunked', 'soci'] satisfies TableFormat[];

/** Returns the formats of a list that was stored, without what is none. */
export function tableFormats(stored: unknown): TableFormat[] {
  return Array.isArray(stored) ? stored.filter((one) => TABLE_FORMATS.includes(one)) : [];
}

type Annotations = Readonly<Record<string, string>>;

const ESTARGZ_DIGEST = 'containerd.io/snapshot/stargz/toc.digest';
/** As podman and skopeo write today. */
const NEW_DIALECT = 'io.github.containers.zstd-chunked';
/** As Debian 12's skopeo and containerd's converter write. */
const OLD_DIALECT = 'io.containers.zstd-chunked';
const SOCI_INDEX = 'com.amazon.soci.index-digest';

/** The only type of table. (`manifest-position` ends with it) */
const TABLE_TYPE = '1';

/** The skippable frame's header before a table. (RFC 8878, 3.1.2) */
export const SKIPPABLE_HEADER_LENGTH = 8;

/**
 * Returns the tables that a layer may have, the likelier first. The layer's bytes decide:
 * `readTable` refuses an announcement for another compression.
 * @returns nothing for an ordinary layer, and where announcements contradict each other
 */
export function announcedTables(
  layer: Pick<Descriptor, 'mediaType' | 'size' | 'annotations'>,
  manifest: { annotations?: Annotations },
): TableAnnouncement[] {
  const inLayer = tablesInLayer(layer);
  const soci = manifest.annotations?.[SOCI_INDEX];
  if (!inLayer || !isDigest(soci)) return inLayer ?? [];
  return [...inLayer, { format: 'soci', index: soci }];
}

/** Returns undefined where announcements contradict each other or are malformed. */
function tablesInLayer({
  mediaType,
  size,
  annotations = {},
}: Pick<Descriptor, 'mediaType' | 'size' | 'annotations'>): TableAnnouncement[] | undefined {
  const estargz = annotations[ESTARGZ_DIGEST];
  const isNew = has(annotations, NEW_DIALECT);
  const isOld = has(annotations, OLD_DIALECT);
  if (estargz !== undefined && !isDigest(estargz)) return undefined;
  if (!isNew && !isOld) return estargz === undefined ? [] : [{ format: 'estargz', digest: estargz }];
  // containers/storage refuses such a layer too.
  if (isNew && estargz !== undefined) return undefined;
  const tables = [isNew && NEW_DIALECT, isOld && OLD_DIALECT]
    .filter((dialect) => dialect !== false)
    .map((dialect) => chunkedTable(annotations, dialect, size));
  const [table] = tables;
  // All of them: one that is malformed disagrees too.
  if (!table || !tables.every((other) => other && isSameTable(table, other))) return undefined;
  if (estargz === undefined) return [table];
  // containerd's converter announces both: they are two digests of one table.
  const both: TableAnnouncement[] = [
    { ...table, estargzDigest: estargz },
    { format: 'estargz', digest: estargz },
  ];
  return mediaType.includes('gzip') ? both.reverse() : both;
}

function has(annotations: Annotations, dialect: string): boolean {
  return [`${dialect}.manifest-checksum`, `${dialect}.manifest-position`].some(
    (name) => annotations[name] !== undefined,
  );
}

type ChunkedTable = Extract<TableAnnouncement, { format: 'zstd:chunked' }>;

function chunkedTable(annotations: Annotations, dialect: string, blobSize: number): ChunkedTable | undefined {
  const digest = annotations[`${dialect}.manifest-checksum`];
  const position = parsePosition(annotations[`${dialect}.manifest-position`], blobSize, TABLE_SIZE);
  if (!isDigest(digest) || position?.type !== TABLE_TYPE) return undefined;
  const { type: _, ...table } = position;
  const split = parsePosition(annotations[`${dialect}.tarsplit-position`], blobSize, TAR_SPLIT_SIZE);
  return {
    format: 'zstd:chunked',
    digest,
    ...table,
    ...(split && split.type === undefined && { tarSplit: withoutType(split) }),
  };
}

function isSameTable(one: ChunkedTable, other: ChunkedTable): boolean {
  return one.digest === other.digest && one.offset === other.offset && one.length === other.length;
}

/** Parses `offset:length:size`, or with `:type` behind. */
function parsePosition(
  text: string | undefined,
  blobSize: number,
  sizeMax: number,
): (TablePosition & { type: string | undefined }) | undefined {
  const found = /^(\d{1,16}):(\d{1,16}):(\d{1,16})(?::(\d{1,4}))?$/.exec(text ?? '');
  if (!found) return undefined;
  const [offset, length, size] = found.slice(1, 4).map(Number) as [number, number, number];
  const isInside = offset >= SKIPPABLE_HEADER_LENGTH && length > 0 && offset + length <= blobSize;
  if (!isInside || length > TABLE_SIZE || size > sizeMax) return undefined;
  return { offset, length, size, type: found[4] };
}

function withoutType({ offset, length, size }: TablePosition): TablePosition {
  return { offset, length, size };
}

/**
 * Returns whether a merged tree hides the marker entries of tables at its root
 * (`overlay/merge/merge.ts`). They are hidden whatever index the layer has.
 * @param codec of the layer's bytes
 */
export function hidesMarkers(announcements: readonly { format: TableFormat }[], codec: string): boolean {
  return announcements.some(
    ({ format }) =>
      (format === 'estargz' && codec === 'gzip') || (format === 'zstd:chunked' && codec === 'zstd'),
  );
}
