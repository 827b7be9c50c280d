import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { asLayerslayerError, LayerslayerError, withContext } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { ThreadPeer } from '../../base/thread-rpc.js';
import { WORKER_LIMITS } from '../../base/worker-limits.js';
import type { TableAllowance } from '../../index/index-pass.js';
import type { Digest } from '../../oci/digest.js';
import type { WindowSupplier } from '../window-loader.js';
import type {
  BlobNumber,
  InflateMethods,
  OpenLayerRequest,
  WindowMethods,
  WindowRequest,
  WindowRun,
} from './inflate-protocol.js';

export interface InflatePoolOptions {
  threads: number; // at most; they are started when there is work for them
  /** Where kept pages are read from, asked when a thread starts. */
  cacheDirectory(): string | undefined;
  /** Gives the other end of an inflating thread's conversation to the fetching thread. */
  connect(port: MessagePort): void;
  /** Windows have come; their buffer goes back after whoever waited for them has returned to the event loop. */
  onWindows(blob: BlobNumber, run: WindowRun): void;
  log: Log;
}

interface Thread {
  worker: Worker;
  peer: ThreadPeer<InflateMethods>;
  ready: Promise<void>; // connected, and with its memory if that is wanted
  used: ArrayBuffer[]; // of runs that came; released with the next read: a message that wakes a thread costs 0.1 ms
  indexingBytes: number; // of the blobs that it is indexing
  reads: number; // calls under way
}

/** The inflating threads: index passes go where the fewest bytes are under way, readers where the fewest reads are. */
export class InflatePool implements WindowSupplier {
  readonly #options: InflatePoolOptions;
  readonly #threads: (Thread | undefined)[];
  readonly #layers = new Map<BlobNumber, { request: OpenLayerRequest; openIn: WeakSet<Thread> }>();
  #isPrepared = false;
  #closed = false;

  constructor(options: InflatePoolOptions) {
    this.#options = options;
    this.#threads = new Array<Thread | undefined>(options.threads).fill(undefined);
  }

  /**
   * Starts all threads.
   * @throws LayerslayerError if the system has no memory or thread for one
   */
  async prepare(): Promise<void> {
    // `async`: a failed start must be a rejection too, or the other promises stay unhandled.
    this.#isPrepared = true;
    await Promise.all(this.#threads.map(async (_, place) => this.#thread(place).ready));
  }

  /** Runs the index pass. @returns the encoded index */
  async index(
    blob: BlobNumber,
    digest: Digest,
    blobSize: number,
    signal?: AbortSignal,
    allowance?: TableAllowance,
  ): Promise<Uint8Array> {
    const thread = this.#thread(this.#leastBusy(({ indexingBytes }) => indexingBytes));
    thread.indexingBytes += blobSize;
    try {
      return await thread.peer.call('index', { blob, digest, blobSize, allowance }, { signal });
    } finally {
      thread.indexingBytes -= blobSize;
    }
  }

  /** Makes a layer readable; the threads hear of it when they first read it. */
  open(request: OpenLayerRequest): void {
    this.#layers.set(request.blob, { request, openIn: new WeakSet() });
  }

  pickThread(): number {
    return this.#leastBusy(({ reads }) => reads);
  }

  async read(place: number, request: WindowRequest): Promise<void> {
    const { blob } = request;
    const thread = this.#thread(place);
    const known = this.#layers.get(blob);
    const layer = known?.openIn.has(thread) ? undefined : known?.request;
    known?.openIn.add(thread);
    thread.reads++;
    const released = thread.used.splice(0);
    try {
      const argument = { ...request, layer, released };
      const last = await thread.peer.call('read', argument, { transfer: released });
      if (last) this.#arrived(thread, blob, last);
    } finally {
      thread.reads--;
    }
  }

  #arrived(thread: Pick<Thread, 'used'>, blob: BlobNumber, run: WindowRun): void {
    this.#options.onWindows(blob, run);
    // Whoever waited looks at it first: he is only told when this has returned.
    setImmediate(() => thread.used.push(run.bytes.buffer as ArrayBuffer));
  }

  /** There is a new fetching thread. */
  reconnect(): void {
    for (const thread of this.#threads) if (thread) thread.ready = this.#connect(thread.peer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const error = new LayerslayerError('ABORTED', 'the session was closed');
    await Promise.all(
      this.#threads.map(async (thread) => {
        thread?.peer.close(error);
        await thread?.worker.terminate();
      }),
    );
  }

  /** A thread not started yet counts as idle, but one that is started and idle comes first. */
  #leastBusy(load: (thread: Thread) => number): number {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [place, thread] of this.#threads.entries()) {
      const busy = thread ? load(thread) : 0.5;
      if (busy < least) {
        least = busy;
        best = place;
      }
    }
    return best;
  }

  #thread(place: number): Thread {
    if (this.#closed) throw new LayerslayerError('ABORTED', 'the session was closed');
    let thread = this.#threads[place];
    if (!thread) {
      thread = this.#start(place);
      this.#threads[place] = thread;
    }
    return thread;
  }

  #start(place: number): Thread {
    const { log } = this.#options;
    const worker = new Worker(new URL('./inflate-worker.js', import.meta.url), {
      name: `inflate-${place}`,
      resourceLimits: WORKER_LIMITS,
    });
    const used: ArrayBuffer[] = [];
    const handlers: WindowMethods = {
      windows: ({ blob, ...run }) => this.#arrived({ used }, blob, run),
      log: ({ level, message }) => log[level](message),
    };
    const peer = new ThreadPeer<InflateMethods>(worker, handlers);
    const fail = (fault: LayerslayerError) => {
      // An error is followed by an exit; by then its place may have a new thread.
      if (this.#closed || this.#threads[place]?.worker !== worker) return;
      // The next use starts a new one.
      this.#threads[place] = undefined;
      log.error(`inflating thread ${place} ended: ${fault.message}`);
      if (fault.cause !== undefined) log.info(fault.stack ?? ''); // where the thread failed
      peer.close(withContext(fault, 'an inflating thread ended'));
    };
    worker.on('error', (error) => fail(asLayerslayerError(error)));
    worker.on('exit', (code) => fail(new LayerslayerError('INTERNAL', `exit code ${code}`)));
    return { worker, peer, used, ready: this.#connect(peer), indexingBytes: 0, reads: 0 };
  }

  /** Gives the thread and the fetching one a conversation of their own. */
  #connect(peer: ThreadPeer<InflateMethods>): Promise<void> {
    const { connect, cacheDirectory } = this.#options;
    const { port1, port2 } = new MessageChannel();
    connect(port1);
    const argument = { port: port2, cacheDirectory: cacheDirectory(), isPrepared: this.#isPrepared };
    const ready = peer.call('connect', argument, { transfer: [port2] });
    ready.catch(() => {}); // a thread that ends fails its reads too
    return ready;
  }
}
