import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort, Worker } from 'node:worker_threads';
import { asLayerslayerError, LayerslayerError, withContext } from '../../base/errors.js';
import type { Log, LogLevel } from '../../base/log.js';
import { ThreadPeer } from '../../base/thread-rpc.js';
import type { LocalRange } from '../../blob/near-bytes.js';
import { parseImageLocation } from '../../oci/image-location.js';
import type { Platform } from '../../oci/platform.js';
import type { SavedBlob, SaveTarget } from '../../save/saved-blob.js';
import type { ImageDocuments, ImageOffer, ResolvedImage } from '../../source/image-source.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';
import type { FetchSetup, NoticeMethods, SourceMethods } from './fetch-protocol.js';
import { startFetchThread } from './fetch-thread.js';

/** What the thread gets to end its requests and to give back its share of the cache; then it is stopped. */
const CLOSE_MS = 500;
/** A thread that ends is started again, unless it did so this often within RESTARTS_WITHIN_MS: then it will again. */
const RESTARTS_MAX = 3;
const RESTARTS_WITHIN_MS = 60_000;

export interface FetchingOptions {
  setup: FetchSetup;
  log: Log;
  onNotice: ((message: string) => void) | undefined;
  /** A new thread stands in for one that ended: whoever was attached to that one is to be attached anew. */
  onRestart(): void;
}

/** A blob that the thread was told of, to be told again. */
interface KnownBlob {
  image: ResolvedImage;
  layer: number;
  pageDigests?: Uint8Array;
}

/**
 * The fetching thread as the main thread sees it. It is started when it is first needed: an image that is kept is mounted
 * without. When it dies, calls under way fail and another one takes its place, which
 * is told what this one knew: a mount outlives a fault in its network code.
 */
export class Fetching {
  readonly #options: FetchingOptions;
  readonly #blobs = new Map<BlobNumber, KnownBlob>();
  #restarts: number[] = []; // times, of performance.now()
  #thread: Worker | undefined;
  #peer: ThreadPeer<SourceMethods> | undefined;
  #closed = false;

  /** @param thread one that was started before, and is ours from now on */
  constructor(options: FetchingOptions, thread?: Worker) {
    this.#options = options;
    if (thread) this.#adopt(thread);
  }

  /** Starts the thread, for whoever knows that it will be needed; its first use does so too. */
  start(): void {
    this.#started();
  }

  /**
   * Starts the thread and loads what it needs.
   * @throws LayerslayerError if memory is short
   */
  async prepare(): Promise<void> {
    await this.#started().call('prepare', {});
  }

  resolve(reference: string, platform: Platform, signal: AbortSignal | undefined): Promise<ResolvedImage> {
    return this.#started().call('resolve', { reference, platform }, { signal });
  }

  listImages(reference: string, signal: AbortSignal | undefined): Promise<ImageOffer> {
    return this.#started().call('listImages', { reference }, { signal });
  }

  documents(image: ResolvedImage, signal: AbortSignal | undefined): Promise<ImageDocuments> {
    return this.#started().call('documents', { image }, { signal });
  }

  /**
   * Gives the image's layer (from 1) a number; once more does no harm. To be awaited before inflating threads hear of it: they ask over ports of
   * their own, and messages of different ports come in any order.
   */
  async openBlob(blob: BlobNumber, image: ResolvedImage, layer: number): Promise<void> {
    if (!this.#blobs.has(blob)) this.#blobs.set(blob, { image, layer });
    // A thread that is started later is told of all blobs at once.
    await this.#peer?.call('openBlob', { blob, image, layer });
  }

  /**
   * Pages of the blob may be asked for when this is done.
   * @returns where it lies on this machine, if it does; the file is closed when the thread ends
   */
  async setPageDigests(blob: BlobNumber, pageDigests: Uint8Array): Promise<LocalRange | undefined> {
    const known = this.#blobs.get(blob);
    if (known) known.pageDigests = pageDigests;
    if (!this.#peer && known && !isLocal(known.image)) return undefined;
    return this.#started().call('setPageDigests', { blob, pageDigests });
  }

  head(blob: BlobNumber, length: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#started().call('head', { blob, length }, { signal });
  }

  save(blob: BlobNumber, target: SaveTarget, signal: AbortSignal): Promise<SavedBlob> {
    return this.#started().call('save', { blob, target }, { signal });
  }

  /** Gives the thread the other end of an inflating thread's conversation. */
  attach(port: MessagePort): void {
    this.#started().notify('attach', { port }, [port]);
  }

  /** Gives the thread the other end of a walk's conversation. */
  attachWalk(port: MessagePort): void {
    this.#started().notify('attachWalk', { port }, [port]);
  }

  async close(reason: LayerslayerError): Promise<void> {
    this.#closed = true;
    const closed = this.#peer?.call('close', {}).catch(() => {}); // a thread that ended has nothing to end
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    this.#peer?.close(reason);
    await this.#thread?.terminate();
  }

  #started(): ThreadPeer<SourceMethods> {
    if (this.#closed && !this.#peer) throw new LayerslayerError('ABORTED', 'the session was closed');
    return this.#peer ?? this.#adopt(startFetchThread());
  }

  #adopt(thread: Worker): ThreadPeer<SourceMethods> {
    const { log, onNotice, setup } = this.#options;
    const notices: NoticeMethods = {
      log: ({ level, message }: { level: LogLevel; message: string }) => log[level](message),
      notice: ({ message }) => onNotice?.(message),
    };
    const peer = new ThreadPeer<SourceMethods>(thread, notices);
    this.#thread = thread;
    this.#peer = peer;
    peer.notify('setup', setup);
    for (const [blob, { image, layer, pageDigests }] of this.#blobs) {
      peer.notify('openBlob', { blob, image, layer });
      if (pageDigests) peer.notify('setPageDigests', { blob, pageDigests });
    }
    thread.on('error', (error) => this.#ended(thread, peer, asLayerslayerError(error)));
    thread.on('exit', (code) =>
      this.#ended(thread, peer, new LayerslayerError('INTERNAL', `exit code ${code}`)),
    );
    return peer;
  }

  #ended(thread: Worker, peer: ThreadPeer<SourceMethods>, fault: LayerslayerError): void {
    // An error is followed by an exit; by then another thread is in its place, or none will be.
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
    const now = performance.now();
    this.#restarts = this.#restarts.filter((time) => now - time < RESTARTS_WITHIN_MS);
    if (this.#restarts.push(now) > RESTARTS_MAX) return;
    this.#adopt(startFetchThread());
    this.#options.onRestart();
  }
}

function isLocal(image: ResolvedImage): boolean {
  return parseImageLocation(image.reference).place !== 'registry';
}
