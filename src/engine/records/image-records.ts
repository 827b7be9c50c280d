import { createHash } from 'node:crypto';
import type { ContentStore } from '../../cache/content-store.js';
import { type IndexOrigin, originKey, parseOrigin } from '../../index/cached-indexes.js';
import { type Digest, isDigest } from '../../oci/digest.js';
import { isJsonObject, ownField, parseJsonObject, stringField } from '../../oci/json.js';
import { formatPlatform, type Platform } from '../../oci/platform.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { announcedTables, type TableFormat, tableFormats } from '../../tables/announcement.js';

/** What the cache knows of an image that was opened. */
export interface ImageRecord {
  reference: string; // canonical
  digest: Digest; // of the manifest
  platform: Platform; // of the image
  layers: RecordedLayer[]; // base first
  answeredMs: number; // when its source last said so, to the minute, since 1970
}

export interface RecordedLayer {
  digest: Digest;
  size: number; // compressed bytes
  origin?: IndexOrigin; // of the index that the layer was opened with last, unless our own pass
  tables?: readonly TableFormat[]; // that the manifest announces: a merge hides their markers
}

/** A second mount must not wait for the write, nor share the processor with it. */
const WRITE_DELAY_MS = 1000;

/** A record that differs only in a younger time is written again after so long. */
const TIME_STEP_MS = 60_000;

/**
 * Writes a record for each image that is opened. There is one for each reference and platform that
 * was asked for: the latest.
 */
export class ImageRecords {
  readonly #store: Promise<ContentStore>;
  readonly #records = new Map<string, ImageRecord>(); // of this session, by key
  readonly #waiting = new Set<string>(); // keys of records to be written
  readonly #origins = new Map<Digest, IndexOrigin>(); // of layers opened in this session
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: Promise<ContentStore>) {
    this.#store = store;
  }

  /** Returns at once. The record is written later. */
  opened(reference: string, asked: Platform, image: ResolvedImage, answeredMs: number): void {
    const { digest, platform, manifest } = image;
    const layers = manifest.layers.map((layer) => {
      const tables = announcedTables(layer, manifest).map(({ format }) => format);
      return { digest: layer.digest, size: layer.size, ...(tables.length > 0 && { tables }) };
    });
    const record = { reference: image.reference, digest, platform, layers, answeredMs };
    const key = keyOf(reference, asked);
    this.#records.set(key, record);
    this.#writeLater(key);
  }

  /** The next mount may preload the same index. Returns at once. */
  layerOpened(digest: Digest, origin: IndexOrigin): void {
    const known = this.#origins.get(digest);
    if (known && originKey(known) === originKey(origin)) return;
    this.#origins.set(digest, origin);
    for (const [key, { layers }] of this.#records)
      if (layers.some((layer) => layer.digest === digest)) this.#writeLater(key);
  }

  /** Writes what is waiting. */
  async write(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  #writeLater(key: string): void {
    this.#waiting.add(key);
    this.#timer ??= setTimeout(() => this.#write(), WRITE_DELAY_MS).unref();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const keys = [...this.#waiting];
    this.#waiting.clear();
    this.#writing = this.#writing.then(async () => {
      const store = await this.#store;
      for (const key of keys) {
        const known = decode(store.readSync('image', key));
        const record = this.#withOrigins(this.#records.get(key)!, known);
        const bytes = encode(record);
        const isFresh = known && Math.abs(record.answeredMs - known.answeredMs) < TIME_STEP_MS;
        const isSame = known && encode({ ...known, answeredMs: record.answeredMs }).equals(bytes);
        if (!isFresh || !isSame) await store.write('image', key, bytes);
      }
    });
  }

  /** Of layers that this session did not open, the origins of the record before stay. */
  #withOrigins(record: ImageRecord, known: ImageRecord | undefined): ImageRecord {
    const before = new Map(known?.layers.map(({ digest, origin }) => [digest, origin]));
    const layers = record.layers.map((layer) => {
      const origin = this.#origins.get(layer.digest) ?? before.get(layer.digest);
      return { ...layer, ...(origin && origin.kind !== 'own' && { origin }) };
    });
    return { ...record, layers };
  }
}

/**
 * Returns the record of a reference. It may be out of date: only the source knows what the
 * reference stands for now.
 * @returns undefined if there is none, or if it is damaged
 */
export function readImageRecord(
  store: ContentStore,
  reference: string,
  platform: Platform,
): ImageRecord | undefined {
  return decode(store.readSync('image', keyOf(reference, platform)));
}

/**
 * Returns the records of a cache, in no order.
 * @param limit maximum number of records; default: all
 */
export function listImageRecords(store: ContentStore, limit = Number.POSITIVE_INFINITY): ImageRecord[] {
  const keys = store.namesSync('image').filter((name) => KEY.test(name));
  return keys.slice(0, limit).flatMap((key) => imageRecordOf(store, key) ?? []);
}

/** Returns the record of a key of the store; undefined if it is gone or damaged. */
export function imageRecordOf(store: ContentStore, key: string): ImageRecord | undefined {
  return decode(store.readSync('image', key));
}

const KEY = /^[0-9a-f]{64}$/;

/** References have bytes that no file name may have. */
function keyOf(reference: string, platform: Platform): string {
  return createHash('sha256')
    .update(`${reference} ${formatPlatform(platform)}`)
    .digest('hex');
}

function encode(record: ImageRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}

/** Checks the form of each field instead of a checksum. Anything else is a miss. */
function decode(bytes: Uint8Array | undefined): ImageRecord | undefined {
  if (bytes === undefined) return undefined;
  try {
    const object = parseJsonObject(bytes, 'image record');
    const reference = stringField(object, 'reference');
    const digest = ownField(object, 'digest');
    const answeredMs = ownField(object, 'answeredMs');
    const platform = ownField(object, 'platform');
    const layers = ownField(object, 'layers');
    if (reference === undefined || !isDigest(digest) || !isCount(answeredMs)) return undefined;
    if (!isPlatform(platform) || !Array.isArray(layers) || !layers.every(isLayer)) return undefined;
    return { reference, digest, platform, layers: layers.map(withKnownFields), answeredMs };
  } catch {
    return undefined;
  }
}

function isLayer(value: unknown): value is RecordedLayer {
  return isJsonObject(value) && isDigest(value.digest) && isCount(value.size);
}

function withKnownFields({ digest, size, origin, tables }: RecordedLayer): RecordedLayer {
  const known = parseOrigin(origin);
  const formats = tableFormats(tables);
  return { digest, size, ...(formats.length > 0 && { tables: formats }), ...(known && { origin: known }) };
}

function isPlatform(value: unknown): value is Platform {
  if (!isJsonObject(value)) return false;
  const { os, architecture, variant = '', osVersion = '' } = value;
  return [os, architecture, variant, osVersion].every((field) => typeof field === 'string');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
