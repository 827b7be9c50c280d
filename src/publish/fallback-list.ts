import { setTimeout as sleep } from 'node:timers/promises';
import { asLayerslayerError, LayerslayerError } from '../base/errors.js';
import { type Digest, isDigest, shortDigest } from '../oci/digest.js';
import { isJsonObject, type JsonObject, ownField, parseJsonObject, stringField } from '../oci/json.js';
import { MANIFEST_SIZE_MAX } from '../oci/manifest.js';
import { MEDIA_TYPES } from '../oci/media-type.js';
import { fallbackTag, type RegistryClient, type RepositoryWriter } from '../registry/registry-client.js';

/** Writes of the list after another client's write lost an entry. */
const REWRITES_MAX = 5;
/**
 * Ms until a written list is read again, at least. Another client that read the list before may
 * still write it: its two requests must fit in.
 */
const SETTLE_MS = 1_000;

/** Entries stay as they are: other tools have fields of their own. */
type Entry = JsonObject;

interface FallbackListOptions {
  client: RegistryClient;
  repository: string;
  subject: Digest;
  settleMs?: number | undefined;
}

/**
 * The list of a manifest's referrers in a registry without a referrers API: an image index under a
 * tag (distribution-spec, "Referrers Tag Schema"). The registry cannot compare and swap. So a
 * client that writes the list reads it again, and restores what another one's write has lost.
 */
export class FallbackList {
  readonly #options: FallbackListOptions;
  readonly #writer: RepositoryWriter;
  readonly #tag: string;

  constructor(options: FallbackListOptions) {
    this.#options = options;
    this.#writer = options.client.writer(options.repository);
    this.#tag = fallbackTag(options.subject);
  }

  /**
   * Returns the digests of the artifacts of a type.
   * @throws LayerslayerError UNSUPPORTED if the tag is no list; network codes
   */
  async list(artifactType: string, signal: AbortSignal): Promise<Digest[]> {
    const { entries } = await this.#read(signal);
    return entries
      .filter((entry) => stringField(entry, 'artifactType') === artifactType)
      .flatMap((entry) => digestIn(entry) ?? []);
  }

  /**
   * Adds an artifact's manifest, which is there.
   * @throws LayerslayerError REGISTRY_UNAVAILABLE if other clients write it again and again
   */
  async add(
    entry: { digest: Digest; size: number; artifactType: string },
    signal: AbortSignal,
  ): Promise<void> {
    const own = { mediaType: MEDIA_TYPES.ociManifest, ...entry };
    const seen = new Map<Digest, Entry>([[entry.digest, own]]);
    let isWritten = false;
    for (let writes = 0; ; writes++) {
      const { entries, digest: listed } = await this.#read(signal);
      const there = new Set(entries.map(digestIn));
      for (const one of entries) {
        const digest = digestIn(one);
        if (digest) seen.set(digest, one);
      }
      const lost = [...seen].filter(([digest]) => !there.has(digest)).map(([, one]) => one);
      if (lost.length === 0) return;
      if (isWritten && writes > REWRITES_MAX) throw this.#contended();
      for (const digest of await this.#write([...entries, ...lost], listed, signal)) seen.delete(digest);
      isWritten = true;
      await this.#settle(signal);
    }
  }

  /** Removes artifacts' manifests. They are deleted afterwards. */
  async remove(digests: ReadonlySet<Digest>, signal: AbortSignal): Promise<void> {
    for (let writes = 0; ; writes++) {
      const { entries, digest } = await this.#read(signal);
      const left = entries.filter((entry) => !digests.has(digestIn(entry)!));
      if (left.length === entries.length) return;
      if (writes > REWRITES_MAX) throw this.#contended();
      await this.#write(left, digest, signal);
      await this.#settle(signal);
    }
  }

  /** @returns also the list's digest, if there is one */
  async #read(signal: AbortSignal): Promise<{ entries: Entry[]; digest?: Digest }> {
    const { client, repository } = this.#options;
    try {
      const { bytes, digest } = await client.getTag(repository, this.#tag, signal);
      const list = ownField(parseJsonObject(bytes, this.#name(), MANIFEST_SIZE_MAX), 'manifests');
      if (Array.isArray(list)) return { entries: list.filter(isJsonObject), digest };
      throw new LayerslayerError('UNSUPPORTED', `${this.#name()} is no list of referrers`);
    } catch (error) {
      if (asLayerslayerError(error).code === 'NOT_FOUND') return { entries: [] };
      throw error;
    }
  }

  /**
   * @param read digest of the list that these entries replace
   * @returns digests of entries that were left out: their manifests do not exist
   */
  async #write(entries: readonly Entry[], read: Digest | undefined, signal: AbortSignal): Promise<Digest[]> {
    if (entries.length === 0) {
      // Some registries refuse an empty list. By its digest: another client may have written since.
      if (read !== undefined) await this.#writer.deleteManifest(read, signal);
      return [];
    }
    try {
      await this.#put(entries, signal);
      return [];
    } catch (error) {
      signal.throwIfAborted();
      // Registries refuse a list with an entry whose manifest was deleted.
      const gone: Digest[] = [];
      for (const entry of entries) {
        const digest = digestIn(entry);
        if (digest && !(await this.#writer.hasManifest(digest, signal))) gone.push(digest);
      }
      if (gone.length === 0) throw error;
      const existing = entries.filter((entry) => !gone.includes(digestIn(entry)!));
      await this.#put(existing, signal);
      return gone;
    }
  }

  async #put(manifests: readonly Entry[], signal: AbortSignal): Promise<void> {
    const mediaType = MEDIA_TYPES.ociIndex;
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    if (bytes.length > MANIFEST_SIZE_MAX) {
      throw new LayerslayerError('UNSUPPORTED', `${this.#name()} is full: ${manifests.length} entries`);
    }
    await this.#writer.putManifest(this.#tag, { mediaType, bytes }, signal);
  }

  /** Half of the wait is random, so that two clients do not write in step. */
  #settle(signal: AbortSignal): Promise<void> {
    const ms = this.#options.settleMs ?? SETTLE_MS;
    return sleep(ms + Math.random() * (ms / 2), undefined, { signal });
  }

  #contended(): LayerslayerError {
    const why = `other clients wrote it ${REWRITES_MAX} times meanwhile: try again`;
    return new LayerslayerError('REGISTRY_UNAVAILABLE', `${this.#name()}: ${why}`);
  }

  #name(): string {
    const { repository, subject } = this.#options;
    return `the list of referrers of ${repository}@${shortDigest(subject)} (tag ${this.#tag})`;
  }
}

function digestIn(entry: Entry): Digest | undefined {
  const digest = ownField(entry, 'digest');
  return isDigest(digest) ? digest : undefined;
}
