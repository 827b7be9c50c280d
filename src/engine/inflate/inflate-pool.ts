import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { asLayerslayerError, LayerslayerError, withContext } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { threadOptions } from '../../base/process/node-options.js';
import { WORKER_LIMITS } from '../../base/process/worker-limits.js';
import { ThreadPeer, type Transferred } from '../../base/thread-rpc.js';
import type { UnpackRequest } from '../../save/archive/unpack-blob.js';
import type { ChunkReceiver, ChunkSupplier } from '../reading/chunk-cache.js';
import { BackgroundPasses } from './background-passes.js';
import type {
  BlobNumber,
  ChunkRequest,
  ChunkRun,
  ComparedIndex,
  IndexRequest,
  InflateMethods,
  InflateReports,
  OpenLayerRequest,
  PassEnd,
  PassNumber,
  ScanAnswer,
  ScannedBatch,
  TableIndex,
  TableRequest,
} from './inflate-protocol.js';
import type { ScanReceiver } from './scan-receiver.js';

type WholePassEnd = Extract<PassEnd, { bytes: Uint8Array }>;

export interface InflatePoolOptions {
  threads: number; // maximum; each is started at its first use
  fetching: { attach(port: MessagePort): void };
  holdsProcess?: boolean; // see `SessionOptions`
  log: Log;
}

/** The thread that reads layers with huge cursors: the process has one of them. */
const HUGE_THREAD = 0;

/** Buffers of runs that wait for the next read of their thread; more are dropped. */
const MOST_USED = 16;

interface Thread {
  worker: Worker;
  peer: ThreadPeer<InflateMethods>;
  ready: Promise<void>; // connected, and with its memory if that is wanted
  opened: WeakSet<OpenLayerRequest>; // layers that it has
  used: ArrayBuffer[]; // of runs; released with the next read: a message that wakes a thread costs 0.1 ms
  indexingBytes: number; // of the blobs that it is indexing
  reads: number; // calls under way
}

/** The inflate threads. Index passes and readers go to the one with the least of them. */
export class InflatePool implements ChunkSupplier {
  receiver?: ChunkReceiver;
  cacheDirectory: string | undefined; // of cached pages; taken over when a thread starts
  readonly #options: InflatePoolOptions;
  readonly #threads: (Thread | undefined)[];
  readonly #receivers = new Map<PassNumber, ScanReceiver>();
  readonly #background = new BackgroundPasses();
  #lastPass = 0;
  readonly #huge = new Set<BlobNumber>(); // blobs whose cursors are huge
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
    this.reconnect(); // threads that run already take their memory too
    await Promise.all(this.#threads.map(async (_, position) => this.#thread(position).ready));
  }

  /** Starts a thread for the next pass, unless one is idle. */
  start(): void {
    this.#thread(this.#leastBusy(({ indexingBytes }) => indexingBytes));
  }

  /** Makes the index of a layer from the table in it. @throws as `InflateMethods.table` */
  async readTable(request: TableRequest, signal: AbortSignal): Promise<TableIndex> {
    const thread = this.#thread(this.#leastBusy(({ indexingBytes }) => indexingBytes));
    return thread.peer.call('table', request, { signal });
  }

  /** Decompresses a saved blob. @returns bytes of the new file @throws as `unpackBlob` */
  async unpack(request: UnpackRequest, signal: AbortSignal): Promise<number> {
    const thread = this.#thread(this.#leastBusy(({ indexingBytes }) => indexingBytes));
    thread.indexingBytes += request.blob.size;
    try {
      return await thread.peer.call('unpack', request, { signal });
    } finally {
      thread.indexingBytes -= request.blob.size;
    }
  }

  /**
   * Runs an index pass.
   * @param compared indexes of other origins, which it compares with the layer's bytes
   * @param options.isBackground the pass is held while reads are under way
   * @returns the encoded index and the comparisons
   */
  async index(
    request: Pick<IndexRequest, 'blob' | 'digest' | 'blobSize' | 'allowance'>,
    compared: readonly ComparedIndex[],
    { signal, isBackground = false }: { signal?: AbortSignal | undefined; isBackground?: boolean },
  ): Promise<WholePassEnd> {
    const pass = ++this.#lastPass;
    const end = await this.#run({ ...request, pass, compared, observed: undefined }, signal, isBackground);
    return end as WholePassEnd; // an unobserved pass reads the whole blob
  }

  /**
   * Runs an index pass whose results the receiver sees.
   * @param end bytes of the blob that are read at most
   * @throws what the observer throws, before other faults
   */
  async scan(
    request: Pick<IndexRequest, 'blob' | 'digest' | 'blobSize' | 'allowance'>,
    end: number,
    receiver: ScanReceiver,
    signal: AbortSignal,
  ): Promise<PassEnd> {
    const pass = ++this.#lastPass;
    const observed = { end, wantsBytes: receiver.wantsBytes };
    this.#receivers.set(pass, receiver);
    try {
      return await this.#run({ ...request, pass, observed }, signal);
    } catch (error) {
      throw receiver.fault ?? error;
    } finally {
      this.#receivers.delete(pass);
    }
  }

  pickThread(): number {
    return this.#leastBusy(({ reads }) => reads);
  }

  async read(position: number, opened: OpenLayerRequest, request: ChunkRequest): Promise<void> {
    const { blob } = opened;
    const thread = this.#thread(this.#huge.has(blob) ? HUGE_THREAD : position);
    const layer = thread.opened.has(opened) ? undefined : opened;
    thread.opened.add(opened);
    thread.reads++;
    this.#background.readBegins();
    const released = thread.used.splice(0);
    try {
      const argument = { ...request, blob, layer, released };
      const last = await thread.peer.call('read', argument, { transfer: released });
      if (last?.isHuge) this.#huge.add(blob);
      if (last) this.#arrived(thread.used, blob, last);
    } catch (error) {
      if (layer) thread.opened.delete(opened); // it may not have been opened
      throw error;
    } finally {
      thread.reads--;
      this.#background.readEnds();
    }
  }

  async #run(request: IndexRequest, signal: AbortSignal | undefined, isBackground = false): Promise<PassEnd> {
    const { pass, blobSize, observed } = request;
    const size = observed?.end ?? blobSize;
    const thread = this.#thread(this.#leastBusy(({ indexingBytes }) => indexingBytes));
    thread.indexingBytes += size;
    const { peer } = thread;
    try {
      const end = peer.call('index', request, { signal });
      if (isBackground) this.#background.add(pass, (isHeld) => peer.notify('hold', { pass, isHeld }));
      return await end;
    } finally {
      this.#background.delete(pass);
      thread.indexingBytes -= size;
    }
  }

  async #scanned(batch: ScannedBatch): Promise<Transferred<ScanAnswer>> {
    const receiver = this.#receivers.get(batch.pass);
    if (!receiver) throw new LayerslayerError('ABORTED', 'the scan has ended');
    return receiver.receive(batch);
  }

  #arrived(used: ArrayBuffer[], blob: BlobNumber, run: ChunkRun): void {
    this.receiver?.arrived(blob, run);
    // Readers that wait copy it first: they are called when this has returned.
    setImmediate(() => used.length < MOST_USED && used.push(run.bytes.buffer as ArrayBuffer));
  }

  /** There is a new fetch thread. */
  reconnect(): void {
    for (const [position, thread] of this.#threads.entries()) {
      if (thread) thread.ready = this.#connect(position, thread.peer);
    }
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
    for (const [position, thread] of this.#threads.entries()) {
      const busy = thread ? load(thread) : 0.5;
      if (busy < least) {
        least = busy;
        best = position;
      }
    }
    return best;
  }

  #thread(position: number): Thread {
    if (this.#closed) throw new LayerslayerError('ABORTED', 'the session was closed');
    const running = this.#threads[position];
    if (running) return running;
    const { log, holdsProcess = true } = this.#options;
    const worker = new Worker(new URL('./inflate-worker.js', import.meta.url), {
      name: `inflate-${position}`,
      resourceLimits: WORKER_LIMITS,
      ...threadOptions(),
    });
    const used: ArrayBuffer[] = [];
    const peer = new ThreadPeer<InflateMethods>(worker, {
      scanned: (batch) => this.#scanned(batch),
      chunks: ({ blob, ...run }) => this.#arrived(used, blob, run),
      log: ({ level, message }) => log[level](message),
    } satisfies InflateReports);
    if (!holdsProcess) worker.unref(); // adding the listener for messages has held it again
    const fail = (fault: LayerslayerError) => {
      // An error is followed by an exit; by then a new thread may have its position.
      if (this.#closed || this.#threads[position]?.worker !== worker) return;
      // The next use starts a new one.
      this.#threads[position] = undefined;
      log.error(`inflating thread ${position} ended: ${fault.message}`);
      if (fault.cause !== undefined) log.info(fault.stack ?? ''); // where the thread failed
      peer.close(withContext(fault, 'an inflating thread ended'));
    };
    worker.on('error', (error) => fail(asLayerslayerError(error)));
    worker.on('exit', (code) => fail(new LayerslayerError('INTERNAL', `exit code ${code}`)));
    const ready = this.#connect(position, peer);
    const thread = {
      worker,
      peer,
      used,
      ready,
      opened: new WeakSet<OpenLayerRequest>(),
      indexingBytes: 0,
      reads: 0,
    };
    this.#threads[position] = thread;
    return thread;
  }

  /** Gives the inflate thread and the fetch thread a conversation of their own. */
  #connect(position: number, peer: ThreadPeer<InflateMethods>): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    this.#options.fetching.attach(port1);
    const argument = {
      port: port2,
      cacheDirectory: this.cacheDirectory,
      isPrepared: this.#isPrepared,
      keepsHuge: position === HUGE_THREAD,
    };
    const ready = peer.call('connect', argument, { transfer: [port2] });
    ready.catch(() => {}); // a thread that ends fails its reads too
    return ready;
  }
}
