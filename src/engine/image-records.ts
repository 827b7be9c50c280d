import { createHash } from 'node:crypto';
import type { ContentStore } from '../cache/content-store.js';
import { type Digest, isDigest } from '../oci/digest.js';
import { isJsonObject, ownField, parseJsonObject, stringField } from '../oci/json.js';
import { formatPlatform, type Platform } from '../oci/platform.js';
import type { ResolvedImage } from '../source/image-source.js';

/** What the cache knows of an image that was opened. */
export interface ImageRecord {
  reference: string; // canonical
  digest: Digest; // of the manifest
  platform: Platform; // of the image
  layers: { digest: Digest; size: number }[]; // base first; compressed bytes
  answeredMs: number; // when its source last said so, to the minute, since 1970
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
  readonly #waiting = new Map<string, ImageRecord>(); // by key
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: Promise<ContentStore>) {
    this.#store = store;
  }

  /** Returns at once. The record is written later. */
  opened(reference: string, asked: Platform, image: ResolvedImage, answeredMs: number): void {
    const { digest, platform, manifest } = image;
    const layers = manifest.layers.map(({ digest, size }) => ({ digest, size }));
    const record = { reference: image.reference, digest, platform, layers, answeredMs };
    this.#waiting.set(keyOf(reference, asked), record);
    this.#timer ??= setTimeout(() => this.#write(), WRITE_DELAY_MS).unref();
  }

  /** Writes what is waiting. */
  async close(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const records = [...this.#waiting];
    this.#waiting.clear();
    this.#writing = this.#writing.then(async () => {
      const store = await this.#store;
      for (const [key, record] of records) {
        const bytes = encode(record);
        const known = decode(store.readSync('image', key));
        const isFresh = known && Math.abs(record.answeredMs - known.answeredMs) < TIME_STEP_MS;
        const isSame = known && encode({ ...known, answeredMs: record.answeredMs }).equals(bytes);
        if (!isFresh || !isSame) await store.write('image', key, bytes);
      }
    });
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
 * Returns all records of a cache, in no order.
 * @throws LayerslayerError IO_FAILED
 */
export async function listImageRecords(store: ContentStore): Promise<ImageRecord[]> {
  const files = await store.entries();
  return files.flatMap(({ kind, key }) => {
    return kind === 'image' ? (decode(store.readSync(kind, key)) ?? []) : [];
  });
}

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
    return { reference, digest, platform, layers, answeredMs };
  } catch {
    return undefined;
  }
}

function isLayer(value: unknown): value is ImageRecord['layers'][number] {
  return isJsonObject(value) && isDigest(value.digest) && isCount(value.size);
}

function isPlatform(value: unknown): value is Platform {
  if (!isJsonObject(value)) return false;
  const { os, architecture, variant = '', osVersion = '' } = value;
  return [os, architecture, variant, osVersion].every((field) => typeof field === 'string');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
