/**
 * The fetching thread: everything that touches the network, and the hashing of what comes from it. It serves the
 * main thread (resolve an image) and the inflating threads (pages, whole blobs), each over a conversation of its own.
 */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { abortable } from '../../base/abortable.js';
import { LayerslayerError, withContext } from '../../base/errors.js';
import { collectGarbageSoon } from '../../base/garbage.js';
import { logTo } from '../../base/log.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import type { Blob } from '../../blob/blob.js';
import { CachedPages } from '../../blob/cached-pages.js';
import { FetchedBlocks } from '../../blob/fetched-blocks.js';
import { GrowingRanges } from '../../blob/growing-ranges.js';
import { PAGE_SIZE } from '../../blob/page.js';
import { streamPages } from '../../blob/page-stream.js';
import { ByteLru } from '../../cache/byte-lru.js';
import { ContentStore } from '../../cache/content-store.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { shortDigest } from '../../oci/digest.js';
import { loadPool } from '../../registry/http/undici-pool.js';
import type { SavedBlob, SaveTarget } from '../../save/saved-blob.js';
import type { ImageSource, ResolvedImage } from '../../source/image-source.js';
import { KeptManifests } from '../../source/kept-manifests.js';
import { LocatedSource } from '../../source/located-source.js';
import { RegistrySource } from '../../source/registry-source.js';
import { Counters } from '../counters.js';
import type { BlobNumber, FetchMethods, StreamMethods } from '../inflate/inflate-protocol.js';
import { BufferRing } from './buffer-ring.js';
import type { FetchSetup, NoticeMethods, SourceMethods, WalkMethods, WalkNotices } from './fetch-protocol.js';
import { PieceSender } from './piece-sender.js';
import { StopBetweenChunks } from './stop-between-chunks.js';

/** Pages on their way to an inflating thread: 2 MiB cover the time that it takes to inflate one. */
const STREAM_BUFFERS = 8;

/** Memory that the HTTP parser takes at its first response, in pages of 64 KiB. */
const PARSER_MEMORY = { initial: 2 };

/** Blocks fetched lately, of all blobs: on disk they may be evicted, or never get there. */
const RECENT_BYTES = 16 * 1024 * 1024;

/**
 * Bytes at the end of a blob that a scan reads even if it has enough; a range may be in flight
 * already. The blob is then whole and can be verified.
 */
const WALK_REST = 64 * 1024;

/** What was said of a blob; its source and blocks are made at the first use. */
interface OpenBlob {
  image: ResolvedImage;
  descriptor: Descriptor;
  pageDigests?: Uint8Array;
  source?: Blob;
  blocks?: FetchedBlocks;
}

interface Fetching {
  source: ImageSource;
  store: ContentStore;
  /** For pages of blobs that lie on this machine's disk anyway. */
  nothingKept: ContentStore;
  counters: Counters;
}

const blobs = new Map<BlobNumber, OpenBlob>();
const images = new Map<string, ResolvedImage>();
/** Streams under way: they end before the store is closed. */
const streams = new Set<Promise<unknown>>();
const closing = new AbortController();
const recent = new ByteLru<string, Uint8Array>(RECENT_BYTES);
const log = logTo((level, message) => main.notify('log', { level, message }));
let fetching: Promise<Fetching>;

// Loaded while the cache directory is opened and looked at: every start of a mount waits for both.
void loadPool();

const handlers: SourceMethods = {
  setup(argument) {
    fetching = setup(argument);
    fetching.catch(() => {}); // told to whoever calls
  },
  async prepare() {
    await loadPool();
    new WebAssembly.Memory(PARSER_MEMORY);
  },
  async resolve({ reference, platform }, signal) {
    return (await fetching).source.resolve(reference, platform, signal);
  },
  async listImages({ reference }, signal) {
    return (await fetching).source.listImages(reference, signal);
  },
  async documents({ image }, signal) {
    return (await fetching).source.documents(image, signal);
  },
  attach({ port }) {
    attach(port);
  },
  attachWalk({ port }) {
    attachWalk(port);
  },
  openBlob({ blob, image, layer }) {
    if (blobs.has(blob)) return;
    // Each message carries a copy: for 1,000 layers, a million descriptors.
    const key = `${image.reference} ${image.digest}`;
    const known = images.get(key) ?? image;
    images.set(key, known);
    blobs.set(blob, { image: known, descriptor: known.manifest.layers[layer - 1]! });
  },
  head: ({ blob, length }, signal) => tracked(head(blob, length, signal)),
  async setPageDigests({ blob, pageDigests }) {
    openBlob(blob).pageDigests = pageDigests;
    const part = await (await sourceOf(blob)).local?.open();
    return part && { fd: part.file.fd, start: part.start };
  },
  save: ({ blob, target }, signal) => tracked(save(blob, target, signal)),
  async close() {
    closing.abort(new LayerslayerError('ABORTED', 'the session was closed'));
    const { source, store } = await fetching;
    await source.close();
    await Promise.allSettled(streams);
    await store.close();
  },
};
const main = new ThreadPeer<NoticeMethods>(parentPort!, handlers);

async function setup({ registry, cache, counters: shared }: FetchSetup): Promise<Fetching> {
  const counters = new Counters(shared);
  const store = await ContentStore.open({ directory: cache.directory, capBytes: cache.capBytes, log });
  const source = new LocatedSource(
    new RegistrySource({
      ...registry,
      kept: new KeptManifests(store),
      onBytes: (bytes) => counters.addFetched(bytes),
      onNotice: (message) => main.notify('notice', { message }),
    }),
  );
  const nothingKept = await ContentStore.open({ directory: cache.directory, capBytes: 0, log });
  return { source, store, nothingKept, counters };
}

function attach(port: MessagePort): void {
  const rings = new Map<BlobNumber, BufferRing>();
  const methods: FetchMethods = {
    async read({ blob, offset, length }, signal) {
      const blocks = await blocksOf(blob);
      try {
        const bytes = await blocks.read(offset, length, signal);
        return new Transferred(bytes, [bytes.buffer]);
      } catch (error) {
        throw namingFile(error, await sourceOf(blob));
      }
    },
    async prefetch({ blob, offset, end }) {
      (await blocksOf(blob)).prefetch(offset, end);
    },
    stream: ({ blob }, signal) => tracked(stream(blob, signal)),
    recycle({ blob, buffer }) {
      rings.get(blob)?.give(buffer);
    },
  };
  const inflating = new ThreadPeer<StreamMethods>(port, methods);

  async function stream(blob: BlobNumber, signal: AbortSignal): Promise<Uint8Array> {
    const { counters } = await fetching;
    const source = await sourceOf(blob);
    const store = await storeFor(source);
    const { digest } = openBlob(blob).descriptor;
    const ring = new BufferRing(STREAM_BUFFERS, PAGE_SIZE);
    rings.set(blob, ring);
    counters.resetProgress(blob);
    try {
      const { pageDigests } = await streamPages(source, {
        digest,
        store,
        keepsPages: true,
        takeBuffer: () => ring.take(),
        onPage: (page) => inflating.notify('streamed', { blob, page }, [page.buffer as ArrayBuffer]),
        onBytes: (bytes) => counters.addProgress(blob, bytes),
        signal,
      });
      return pageDigests;
    } catch (error) {
      throw afterMismatch(error, source);
    } finally {
      rings.delete(blob);
    }
  }
}

async function head(blob: BlobNumber, length: number, signal: AbortSignal): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  const source = await sourceOf(blob);
  return new Uint8Array(await source.read(0, length, AbortSignal.any([signal, closing.signal])));
}

async function save(blob: BlobNumber, target: SaveTarget, signal: AbortSignal): Promise<SavedBlob> {
  const { store, counters } = await fetching;
  const { saveBlob } = await import('../../save/save-blob.js'); // a mount does without
  const source = await sourceOf(blob);
  const { digest } = openBlob(blob).descriptor;
  return saveBlob(source, {
    digest,
    target,
    kept: new CachedPages(store, digest),
    onProgress: (doneBytes) => counters.setProgress(blob, doneBytes),
    onWait: () =>
      main.notify('notice', { message: `another process saves ${shortDigest(digest)}: waiting for it` }),
    log,
    signal: AbortSignal.any([signal, closing.signal]),
  });
}

function attachWalk(port: MessagePort): void {
  const sender = new PieceSender((bytes) => walker.notify('piece', { bytes }, [bytes.buffer]));
  let left = 0; // bytes of the blob still to come
  const stop = new StopBetweenChunks(() => left > WALK_REST);
  const methods: WalkMethods = {
    async walk({ blob, end }, signal) {
      try {
        return await tracked(walk(blob, end, AbortSignal.any([signal, stop.signal])));
      } catch (error) {
        if (signal.aborted || !stop.signal.aborted) throw error;
        sender.flush();
        return undefined;
      }
    },
    enough: () => stop.stop(),
    used: ({ buffer }) => sender.used(buffer),
  };
  const walker = new ThreadPeer<WalkNotices>(port, methods);
  const send = (chunk: Uint8Array) => {
    left -= chunk.length;
    return stop.after(sender.send(chunk));
  };

  async function walk(blob: BlobNumber, end: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { counters } = await fetching;
    const source = new GrowingRanges(await sourceOf(blob));
    counters.resetProgress(blob);
    left = end;
    if (end < source.size) {
      if (end > 0) await source.stream(0, end, (chunk) => abortable(send(chunk), signal), signal);
      sender.flush();
      return undefined;
    }
    // Two, as the stream wants.
    const pages = new BufferRing(2, PAGE_SIZE);
    const { pageDigests } = await streamPages(source, {
      digest: openBlob(blob).descriptor.digest,
      store: await storeFor(source),
      keepsPages: false, // who looks for a file now would push out what mounts are reading
      onChunk: send,
      onPage: (page) => pages.give(page.buffer as ArrayBuffer),
      takeBuffer: () => pages.take(),
      onBytes: (bytes) => counters.addProgress(blob, bytes),
      signal,
    }).catch((error: unknown) => {
      throw afterMismatch(error, source);
    });
    sender.flush(); // before the answer
    return pageDigests;
  }
}

/** Whoever tries once more after wrong bytes wants others. */
function afterMismatch(error: unknown, source: Blob): unknown {
  if (error instanceof LayerslayerError && error.code === 'DIGEST_MISMATCH') source.reconnect?.();
  return namingFile(error, source);
}

function tracked<T>(streaming: Promise<T>): Promise<T> {
  streams.add(streaming);
  return streaming.finally(() => {
    streams.delete(streaming);
    collectGarbageSoon(() => streams.size === 0);
  });
}

/** Who finds wrong bytes knows their digest; whoever can mend it wants to know the file. */
function namingFile(error: unknown, { local }: Blob): unknown {
  const isMismatch = error instanceof LayerslayerError && error.code === 'DIGEST_MISMATCH';
  return local && isMismatch && !error.message.includes(local.path) ? withContext(error, local.path) : error;
}

function openBlob(blob: BlobNumber): OpenBlob {
  const open = blobs.get(blob);
  if (!open) throw new LayerslayerError('INTERNAL', `blob ${blob} was not opened`);
  return open;
}

async function sourceOf(blob: BlobNumber): Promise<Blob> {
  const { source } = await fetching;
  const open = openBlob(blob);
  open.source ??= source.open(open.image, open.descriptor);
  return open.source;
}

/** Where the pages of a source are kept. */
async function storeFor({ local }: Blob): Promise<ContentStore> {
  const { store, nothingKept } = await fetching;
  return local ? nothingKept : store;
}

async function blocksOf(blob: BlobNumber): Promise<FetchedBlocks> {
  const source = await sourceOf(blob);
  const store = await storeFor(source);
  const open = openBlob(blob);
  const { pageDigests, descriptor } = open;
  if (!pageDigests) throw new LayerslayerError('INTERNAL', `blob ${blob} has no page digests yet`);
  open.blocks ??= new FetchedBlocks({
    blob: source,
    digest: descriptor.digest,
    blockDigests: pageDigests,
    store,
    recent,
    log,
    signal: closing.signal,
  });
  return open.blocks;
}
