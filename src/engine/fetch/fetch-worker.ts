/**
 * The fetch thread: everything that uses the network, and the hashing of what comes from it. It
 * hashes long chunks for inflate threads too. It serves the main thread (images, saving) and
 * threads that read blobs, each over a conversation of its own.
 */
import { hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { LayerslayerError } from '../../base/errors.js';
import { logTo } from '../../base/log.js';
import { collectGarbageSoon } from '../../base/process/garbage.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { readRange } from '../../blob/blob.js';
import type { BlockDigests } from '../../blob/page.js';
import { ContentStore } from '../../cache/content-store.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import { registryReference } from '../../oci/image-location.js';
import type { PublishPlace } from '../../publish/publication.js';
import type { PublishedIndexes } from '../../publish/published-indexes.js';
import { RegistryClient } from '../../registry/registry-client.js';
import type { SavedBlob, SaveTarget } from '../../save/saved-blob.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { LocatedSource } from '../../source/located-source.js';
import { registrySource } from '../../source/resolve-in-registry.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';
import { streamObserved, streamPages } from './blob-streams.js';
import { Counters } from './counters.js';
import type {
  BlobMethods,
  FetchNotices,
  FetchSetup,
  PlaceQuestion,
  SourceAnswers,
  SourceMethods,
  SourceQuestion,
  StreamMethods,
} from './fetch-protocol.js';
import { type FetchParts, OpenBlobs } from './open-blobs.js';

/** Memory that the HTTP parser takes at its first response, in pages of 64 KiB. */
const PARSER_MEMORY = { initial: 2 };

/** Streams under way: they end before the store is closed. */
const streams = new Set<Promise<unknown>>();
const closing = new AbortController();
const log = logTo((level, message) => main.notify('log', { level, message }));
let isSetUp!: (parts: Promise<FetchParts>) => void;
const parts = new Promise<FetchParts>((resolve) => {
  isSetUp = resolve;
});
parts.catch(() => {}); // every call throws it
const blobs = new OpenBlobs(parts, log, closing.signal);

let indexes: Promise<PublishedIndexes> | undefined;

// Loaded while the cache directory is opened: every start of a mount waits for both.
void RegistryClient.preload();

const main = new ThreadPeer<FetchNotices>(parentPort!, {
  async setup(argument) {
    isSetUp(setup(argument));
    await parts;
    await RegistryClient.preload();
    new WebAssembly.Memory(PARSER_MEMORY);
  },
  async source(question, signal) {
    const { source } = await parts;
    if ('place' in question) return publishedAnswer(question, signal);
    if (question.ask === 'readPublished') {
      const bytes = await (await published()).read(question.index, question.blobSize, signal);
      return new Transferred(bytes, [bytes.buffer]);
    }
    if (question.ask === 'sociManifests') return soci(question.image, question.index, signal);
    if (question.ask === 'documents') return source.documents(question.image, signal);
    const { reference } = question;
    if (question.ask === 'referrers') return referrers(question, signal);
    if (question.ask === 'listImages') return source.listImages(reference, signal);
    if (question.ask === 'readNamed') return source.readNamed(reference, signal);
    if (question.ask === 'listTags') return source.listTags(reference, question.next, signal);
    return source.resolve(reference, question.platform, signal);
  },
  attach({ port }) {
    const reader: ThreadPeer<StreamMethods> = new ThreadPeer(port, {
      async read({ blob: number, offset, length = 0, aheadEnd = 0, unverified, once, fresh }, signal) {
        const { blob, blocks, naming } = await blobs.get(number);
        try {
          if (once) {
            if (fresh) blob.reconnect?.();
            const within = AbortSignal.any([signal, closing.signal]);
            const bytes = await tracked(readRange(blob, offset, offset + length, within));
            return new Transferred(bytes, [bytes.buffer]);
          }
          const fetched = blocks(unverified ? 'reader' : 'blocks');
          if (length === 0 && aheadEnd > offset) fetched.prefetch(offset, aheadEnd);
          const bytes = await fetched.read(offset, length, signal, { aheadEnd, fresh });
          return new Transferred(bytes, [bytes.buffer]);
        } catch (error) {
          throw naming(error);
        }
      },
      stream: (request, signal) => tracked(stream(request, reader, signal)),
      hash({ bytes }) {
        const digest = new Uint8Array(hash('sha256', bytes, 'buffer'));
        return new Transferred({ bytes, digest }, [bytes.buffer]);
      },
    } satisfies BlobMethods);
  },
  async openBlob({ raw, ...request }, signal) {
    const { blob: number, verification } = request;
    blobs.add(request);
    if (!verification && !raw) return {};
    const { blob, blocks } = await blobs.get(number);
    if (verification) blocks(verification.kind); // what reads need
    const within = AbortSignal.any([signal, closing.signal]);
    const read = raw && blob.read(raw.offset, raw.length, within);
    const bytes = read && new Uint8Array(await tracked(read));
    const part = verification && (await blob.local?.open());
    return { bytes, local: part && { fd: part.file.fd, start: part.start } };
  },
  save: ({ blob, target }, signal) => tracked(save(blob, target, signal)),
  async close() {
    closing.abort(new LayerslayerError('ABORTED', 'the session was closed'));
    const { source, store } = await parts;
    await source.close();
    await Promise.allSettled([...streams, blobs.close()]);
    await store.close();
  },
} satisfies SourceMethods);

/** Loads the code at its first use: most mounts do without. */
function published(): Promise<PublishedIndexes> {
  indexes ??= openPublished();
  return indexes;
}

async function openPublished(): Promise<PublishedIndexes> {
  const { PublishedIndexes } = await import('../../publish/published-indexes.js');
  const { client, store } = await parts;
  return new PublishedIndexes({ client, store, log });
}

/** SOCI indexes of an image; none of one on this machine. */
async function soci(
  { reference, digest }: ResolvedImage,
  index: Digest | undefined,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const inRegistry = registryReference(reference);
  if (!inRegistry) return [];
  const { sociManifests } = await import('../../publish/soci-manifests.js');
  const { client } = await parts;
  const { registry, repository } = inRegistry;
  return sociManifests({ client: client(registry), repository, digest }, index, signal);
}

/** What refers to a manifest; none on this machine. */
async function referrers(
  { reference, subject, artifactType }: Extract<SourceQuestion, { ask: 'referrers' }>,
  signal: AbortSignal,
): Promise<Descriptor[]> {
  const inRegistry = registryReference(reference);
  if (!inRegistry) return [];
  const { client } = await parts;
  const { registry, repository } = inRegistry;
  return client(registry).allReferrers(repository, { subject, artifactType }, signal);
}

async function publishedAnswer(
  { ask, image, place, known }: Extract<SourceQuestion, { place: PublishPlace }>,
  signal: AbortSignal,
): Promise<SourceAnswers[PlaceQuestion]> {
  const all = await published();
  const within = AbortSignal.any([signal, closing.signal]);
  if (ask === 'publish') return tracked(all.publish(image, place, within, known));
  if (ask === 'removePublished') return tracked(all.remove(image, place, within));
  if (ask === 'listPublished') return all.list(image, place, within);
  return all.find(image, place, within);
}

async function setup({ registry, confinement, cache, counters: shared }: FetchSetup): Promise<FetchParts> {
  const counters = new Counters(shared);
  const store = await ContentStore.open({ directory: cache.directory, capBytes: cache.capBytes, log });
  const registries = registrySource(store, {
    ...registry,
    onBytes: (bytes) => counters.addFetched(bytes),
    onNotice: notice,
  });
  const source = new LocatedSource(registries, confinement);
  const nothingKept = await ContentStore.open({ directory: cache.directory, capBytes: 0, log });
  const client = (name: string) => registries.client(name);
  // Cached pages of a layer don't show that its registry has it.
  return { source, client, store, nothingKept, usesPages: !registry.provesAccess, counters };
}

function notice(message: string): void {
  main.notify('log', { level: 'notice', message });
}

async function stream(
  { blob: number, pass, observedEnd }: Parameters<BlobMethods['stream']>[0],
  reader: ThreadPeer<StreamMethods>,
  signal: AbortSignal,
): Promise<BlockDigests | undefined> {
  const blob = await blobs.get(number);
  const receiver = { reader, pass };
  if (observedEnd === undefined) return streamPages(blob, receiver, log, signal);
  return streamObserved(blob, receiver, observedEnd, log, signal);
}

async function save(number: BlobNumber, target: SaveTarget, signal: AbortSignal): Promise<SavedBlob> {
  const { saveBlob } = await import('../../save/save-blob.js'); // a mount does without
  const { blob, digest, counters } = await blobs.get(number);
  return saveBlob(blob, {
    digest,
    target,
    store: (await parts).store, // also for a blob on this machine
    onProgress: (doneBytes) => counters.setProgress(number, doneBytes),
    onWait: () => notice(`another process saves ${shortDigest(digest)}: waiting for it`),
    log,
    signal: AbortSignal.any([signal, closing.signal]),
  });
}

function tracked<T>(streaming: Promise<T>): Promise<T> {
  streams.add(streaming);
  return streaming.finally(() => {
    streams.delete(streaming);
    collectGarbageSoon(() => streams.size === 0);
  });
}
