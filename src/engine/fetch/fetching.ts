import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort, Worker } from 'node:worker_threads';
import { asLayerslayerError, LayerslayerError, withContext } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { RestartLimit } from '../../base/restart-limit.js';
import { ThreadPeer, type Transferred } from '../../base/thread-rpc.js';
import type { LocalRange } from '../../blob/blob.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { registryReference } from '../../oci/image-location.js';
import { formatRepository } from '../../oci/reference.js';
import type { SavedBlob, SaveTarget } from '../../save/saved-blob.js';
import type { ResolvedImage } from '../../source/image-source.js';
import type { WantedBlob } from '../blobs/wanted-blobs.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';
import type {
  BlobVerification,
  FetchNotices,
  FetchSetup,
  OpenBlobRequest,
  SourceAnswers,
  SourceMethods,
  SourceQuestion,
} from './fetch-protocol.js';
import { startFetchThread } from './fetch-thread.js';

/** For the thread to end its requests and to release its share of the cache. Then it is stopped. */
const CLOSE_MS = 500;
/** A thread that ends is replaced at once, but only so often within RESTARTS_WITHIN_MS. */
const RESTARTS_MAX = 3;
const RESTARTS_WITHIN_MS = 60_000;

type AnswerTo<K extends SourceQuestion['ask']> =
  SourceAnswers[K] extends Transferred<infer T> ? T : SourceAnswers[K];

export interface FetchingOptions {
  setup: FetchSetup;
  log: Log;
  onNotice: ((message: string) => void) | undefined;
  /** A new thread has replaced one that ended: readers have to be attached again. */
  onRestart(): void;
  holdsProcess?: boolean; // see `SessionOptions`
}

/**
 * The fetch thread as the main thread sees it. It is started at its first use: a cached image is
 * mounted without. If it dies, calls under way fail, and a new thread with the same blobs replaces
 * it: a mount outlives a fault in its network code.
 */
export class Fetching {
  readonly #options: FetchingOptions;
  /**
   * The session's table of blobs, by repository and digest: a repository that does not deliver a
   * layer must not be asked for another's.
   */
  readonly #blobs = new Map<string, OpenBlobRequest>();
  readonly #restarts = new RestartLimit(RESTARTS_MAX, RESTARTS_WITHIN_MS);
  #thread: Worker | undefined;
  #peer: ThreadPeer<SourceMethods> | undefined;
  #isReady: Promise<void> | undefined; // of #peer
  #closed = false;

  /** @param thread one that was started before, and is ours from now on */
  constructor(options: FetchingOptions, thread?: Worker) {
    this.#options = options;
    if (thread) this.#adopt(thread);
  }

  /** Starts the thread before its first use. */
  start(): void {
    this.#started();
  }

  /**
   * Starts the thread and loads what it needs.
   * @throws LayerslayerError if memory is short
   */
  async prepare(): Promise<void> {
    this.#started();
    await this.#isReady;
  }

  /** Asks the source of images, or the published indexes. */
  ask<K extends SourceQuestion['ask']>(
    question: SourceQuestion & { ask: K },
    signal: AbortSignal | undefined,
  ): Promise<AnswerTo<K>> {
    return this.#started().call('source', question, { signal }) as Promise<AnswerTo<K>>;
  }

  /**
   * Returns the number of a blob of the image, the same each time. Await it before other threads
   * get the number: messages of different ports come in any order.
   * @param index key of the origin of the layer's index: each index has a tar and chunks of its own
   */
  openBlob(image: ResolvedImage, { digest, numbers }: WantedBlob, index = ''): Promise<BlobNumber> {
    return this.#open(keyOf(image, digest, index), { image, target: numbers[0]! });
  }

  /**
   * As `openBlob`, for a blob that is no layer: a table or an index of one. Its bytes are read
   * unverified.
   * @param repository `host/name`; default: the image's
   */
  openDescribed(image: ResolvedImage, target: Descriptor, repository?: string): Promise<BlobNumber> {
    // Each place has its own number: the blob may be missing in one of them.
    const place = repository ?? placeOf(image);
    return this.#open(`described ${place} ${target.digest}`, { image, target, repository });
  }

  /**
   * Bytes of the blob, which is open, may be read when this is done.
   * @param index as it was opened
   * @returns where it is on this machine, if it is; the file is closed when the thread ends
   */
  async setVerification(
    image: ResolvedImage,
    digest: Digest,
    verification: BlobVerification,
    index = '',
  ): Promise<LocalRange | undefined> {
    const known = this.#blobs.get(keyOf(image, digest, index))!;
    // Readers of both kinds may share a blob. Only block digests are needed again later.
    if (verification.kind === 'blocks') known.verification = verification;
    if (!this.#peer && !isLocal(known)) return undefined;
    return (await this.#started().call('openBlob', { ...known, verification })).local;
  }

  /** Returns bytes of a layer that is open, as they arrive: unchecked and uncached. */
  async readRaw(
    image: ResolvedImage,
    digest: Digest,
    raw: { offset: number; length: number },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const request = { ...this.#blobs.get(keyOf(image, digest))!, verification: undefined, raw };
    const { bytes } = await this.#started().call('openBlob', request, { signal });
    return bytes ?? new Uint8Array(0);
  }

  save(blob: BlobNumber, target: SaveTarget, signal: AbortSignal): Promise<SavedBlob> {
    return this.#started().call('save', { blob, target }, { signal });
  }

  /** Gives the thread the other end of a conversation with a thread that reads blobs. */
  attach(port: MessagePort): void {
    this.#started().notify('attach', { port }, [port]);
  }

  async close(reason: LayerslayerError): Promise<void> {
    this.#closed = true;
    const closed = this.#peer?.call('close', {}).catch(() => {}); // a thread that ended has nothing to end
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    this.#peer?.close(reason);
    await this.#thread?.terminate();
  }

  async #open(key: string, request: Omit<OpenBlobRequest, 'blob'>): Promise<BlobNumber> {
    let known = this.#blobs.get(key);
    if (!known) {
      known = { blob: this.#blobs.size, ...request };
      this.#blobs.set(key, known);
    }
    // A thread that is started later gets all blobs at once.
    await this.#peer?.call('openBlob', { ...known, verification: undefined });
    return known.blob;
  }

  #started(): ThreadPeer<SourceMethods> {
    if (this.#closed && !this.#peer) throw new LayerslayerError('ABORTED', 'the session was closed');
    return this.#peer ?? this.#adopt(startFetchThread());
  }

  #adopt(thread: Worker): ThreadPeer<SourceMethods> {
    const { log, onNotice, setup, holdsProcess = true } = this.#options;
    const notices: FetchNotices = {
      log: ({ level, message }) => (level === 'notice' ? onNotice?.(message) : log[level](message)),
    };
    const peer = new ThreadPeer<SourceMethods>(thread, notices);
    if (!holdsProcess) thread.unref(); // adding the listener for messages has held it again
    this.#thread = thread;
    this.#peer = peer;
    this.#isReady = peer.call('setup', setup);
    this.#isReady.catch(() => {}); // calls throw it
    for (const known of this.#blobs.values()) peer.notify('openBlob', known);
    thread.on('error', (error) => this.#ended(thread, peer, asLayerslayerError(error)));
    thread.on('exit', (code) =>
      this.#ended(thread, peer, new LayerslayerError('INTERNAL', `exit code ${code}`)),
    );
    return peer;
  }

  #ended(thread: Worker, peer: ThreadPeer<SourceMethods>, fault: LayerslayerError): void {
    // An error is followed by an exit. By then another thread is in its place, or will be.
    if (thread !== this.#thread || peer.closed) return;
    const told = withContext(fault, 'the fetching thread ended');
    // Otherwise `close` would wait for its answer.
    if (this.#closed) {
      peer.close(told);
      return;
    }
    this.#options.log.error(told.message);
    if (fault.cause !== undefined) this.#options.log.info(fault.stack ?? ''); // where the thread failed
    peer.close(told);
    const wait = this.#restarts.waitMs(performance.now());
    if (wait === 0) this.#replace();
    else setTimeout(() => this.#replace(), wait).unref(); // calls fail meanwhile
  }

  #replace(): void {
    if (this.#closed) return;
    this.#adopt(startFetchThread());
    this.#options.onRestart();
  }
}

function keyOf(image: ResolvedImage, digest: Digest, index = ''): string {
  return `${placeOf(image)} ${digest}${index}`;
}

/** Returns the repository of an image, or its reference on this machine. */
function placeOf({ reference }: ResolvedImage): string {
  const inRegistry = registryReference(reference);
  return inRegistry ? formatRepository(inRegistry) : reference;
}

function isLocal({ image, repository }: OpenBlobRequest): boolean {
  return repository === undefined && registryReference(image.reference) === undefined;
}
