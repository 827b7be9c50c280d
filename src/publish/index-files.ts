import { createHash } from 'node:crypto';
import { LayerslayerError } from '../base/errors.js';
import type { ContentStore } from '../cache/content-store.js';
import { detachableStates, type IndexFile, openOwnIndex } from '../index/cached-indexes.js';
import { LAYER_INDEX_VERSION } from '../index/entry-table.js';
import { type Digest, digestOf, shortDigest } from '../oci/digest.js';
import { parseRepository, type Repository } from '../oci/reference.js';
import type { BlobSource, RegistryClient } from '../registry/registry-client.js';
import { EMPTY_CONFIG, type StoredIndex } from './artifact.js';

/** Bytes hashed at once. */
const PIECE_SIZE = 1024 * 1024;

/** Uploads index files of own passes. */
export class IndexFiles {
  readonly #store: ContentStore;
  /** Where blobs are, by registry and digest: other repositories of that registry mount them. */
  readonly #repositories = new Map<string, string>();
  uploaded = 0; // files
  uploadedBytes = 0;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** Says that a repository, `host/name`, has a file. */
  isIn(repository: string, digest: Digest): void {
    const at = parseRepository(repository);
    this.#repositories.set(keyOf(at.registry, digest), at.repository);
  }

  /**
   * Uploads a layer's index, unless the repository has it.
   * @throws LayerslayerError IO_FAILED if it is not cached; the client's errors
   */
  async put(
    layer: Digest,
    to: Repository,
    client: RegistryClient,
    signal: AbortSignal,
  ): Promise<StoredIndex> {
    const file = openOwnIndex(this.#store, layer);
    if (!file) {
      const why = 'its index is not cached: publishing needs a cache with room for it';
      throw new LayerslayerError('IO_FAILED', `layer ${shortDigest(layer)}: ${why}`);
    }
    try {
      const digest = hashOf(file);
      const source = {
        digest,
        size: file.size,
        read: async (offset: number, length: number) => file.read(offset, length),
      };
      if (await this.#upload(source, to, client, signal)) {
        this.uploaded++;
        this.uploadedBytes += file.size;
      }
      const statesOffset = detachableStates((offset, length) => file.read(offset, length), file.size);
      return { layer, version: LAYER_INDEX_VERSION, digest, size: file.size, statesOffset };
    } finally {
      file.close();
    }
  }

  /** Uploads the config that all artifacts have. */
  async putEmptyConfig(to: Repository, client: RegistryClient, signal: AbortSignal): Promise<void> {
    const read = async (offset: number, length: number) => EMPTY_CONFIG.subarray(offset, offset + length);
    const source = { digest: digestOf(EMPTY_CONFIG), size: EMPTY_CONFIG.length, read };
    await this.#upload(source, to, client, signal);
  }

  /** @returns whether bytes were sent */
  async #upload(
    source: BlobSource,
    { registry, repository }: Repository,
    client: RegistryClient,
    signal: AbortSignal,
  ): Promise<boolean> {
    const key = keyOf(registry, source.digest);
    const mountFrom = this.#repositories.get(key);
    const how = await client.writer(repository).putBlob(source, { mountFrom, signal });
    this.#repositories.set(key, repository);
    return how === 'uploaded';
  }
}

function keyOf(registry: string, digest: Digest): string {
  return `${registry} ${digest}`;
}

function hashOf(file: IndexFile): Digest {
  const hash = createHash('sha256');
  for (let offset = 0; offset < file.size; offset += PIECE_SIZE) {
    hash.update(file.read(offset, Math.min(PIECE_SIZE, file.size - offset)));
  }
  return `sha256:${hash.digest('hex')}` as Digest;
}
