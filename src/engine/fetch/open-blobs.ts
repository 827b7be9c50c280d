import { LayerslayerError, withContext } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Blob } from '../../blob/blob.js';
import { FetchedBlocks } from '../../blob/blocks/fetched-blocks.js';
import type { BlockDigests } from '../../blob/page.js';
import { ByteLru } from '../../cache/byte-lru.js';
import type { ContentStore } from '../../cache/content-store.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { RegistryClient } from '../../registry/registry-client.js';
import type { ImageSource, ResolvedImage } from '../../source/image-source.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';
import type { Counters } from './counters.js';
import type { BlobVerification, OpenBlobRequest } from './fetch-protocol.js';

/** Blocks fetched lately, of all blobs: on disk they may be evicted, or never get there. */
const RECENT_BYTES = 16 * 1024 * 1024;

/** What the fetch thread has once it is set up. */
export interface FetchParts {
  source: ImageSource;
  client(registry: string): RegistryClient;
  store: ContentStore;
  nothingKept: ContentStore; // for blobs that are on this machine's disk anyway
  usesPages: boolean; // of the cache, when a whole blob is read
  counters: Counters;
}

/** A blob and where its bytes come from. */
export interface OpenBlob {
  number: BlobNumber;
  digest: Digest;
  blob: Blob;
  store: ContentStore; // caches nothing of a blob on this machine
  usesPages: boolean; // of the store, when it is read whole
  counters: Counters;
  /**
   * @param verification `reader`: unchecked bytes
   * @throws LayerslayerError INTERNAL before the digests of its blocks are known
   */
  blocks(verification: BlobVerification['kind']): FetchedBlocks;
  /** Adds the file's path to a mismatch: the user can mend the file. */
  naming(error: unknown): unknown;
}

/** What is known of a blob; it is opened at its first use. */
interface KnownBlob {
  image: ResolvedImage;
  descriptor: Descriptor;
  blockDigests?: BlockDigests | undefined;
  opened?: Promise<OpenBlob>;
}

/** The blobs of a session, as the fetch thread knows them. */
export class OpenBlobs {
  readonly #parts: Promise<FetchParts>;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #blobs = new Map<BlobNumber, KnownBlob>();
  readonly #images = new Map<string, ResolvedImage>();
  readonly #fetched: FetchedBlocks[] = [];
  readonly #recent = new ByteLru<string, Uint8Array>(RECENT_BYTES);

  /** @param signal ends requests that serve all readers */
  constructor(parts: Promise<FetchParts>, log: Log, signal: AbortSignal) {
    this.#parts = parts;
    this.#log = log;
    this.#signal = signal;
  }

  /** Adds a blob, or what is new of it. */
  add({ blob, image, target, repository, verification }: OpenBlobRequest): void {
    const known = this.#blobs.get(blob);
    const blockDigests = verification?.kind === 'blocks' ? verification.digests : undefined;
    if (known) {
      known.blockDigests ??= blockDigests;
      return;
    }
    // Each message has a copy: for 1,000 layers, a million descriptors.
    const key = `${image.reference} ${image.digest}`;
    const shared = this.#images.get(key) ?? image;
    this.#images.set(key, shared);
    const descriptor = typeof target === 'number' ? shared.manifest.layers[target - 1]! : target;
    const within = repository === undefined ? shared : { ...shared, reference: repository };
    this.#blobs.set(blob, { image: within, descriptor, blockDigests });
  }

  get(number: BlobNumber): Promise<OpenBlob> {
    const known = this.#blobs.get(number);
    if (!known) throw new LayerslayerError('INTERNAL', `blob ${number} was not opened`);
    known.opened ??= this.#open(number, known).catch((error) => {
      delete known.opened;
      throw error;
    });
    return known.opened;
  }

  /** Writes what waits to be cached. */
  async close(): Promise<void> {
    await Promise.all(this.#fetched.map((blocks) => blocks.flush()));
  }

  async #open(number: BlobNumber, known: KnownBlob): Promise<OpenBlob> {
    const { source, store: cache, nothingKept, usesPages, counters } = await this.#parts;
    const blob = await source.open(known.image, known.descriptor);
    const { digest } = known.descriptor;
    const store = blob.local ? nothingKept : cache;
    const opened: Partial<Record<BlobVerification['kind'], FetchedBlocks>> = {};
    return {
      number,
      digest,
      blob,
      store,
      usesPages,
      counters,
      blocks: (verification) => {
        const blockDigests = verification === 'blocks' ? known.blockDigests : undefined;
        if (verification === 'blocks' && !blockDigests) {
          throw new LayerslayerError('INTERNAL', `blob ${number} has no block digests yet`);
        }
        let blocks = opened[verification];
        if (!blocks) {
          const shared = { recent: this.#recent, log: this.#log, signal: this.#signal };
          blocks = new FetchedBlocks({ blob, digest, blockDigests, store, ...shared });
          opened[verification] = blocks;
          this.#fetched.push(blocks);
        }
        return blocks;
      },
      naming: (error) => {
        const { local } = blob;
        const isMismatch = error instanceof LayerslayerError && error.code === 'DIGEST_MISMATCH';
        return local && isMismatch && !error.message.includes(local.path)
          ? withContext(error, local.path)
          : error;
      },
    };
  }
}
