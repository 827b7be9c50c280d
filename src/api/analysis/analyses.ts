import { Worker } from 'node:worker_threads';
import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { threadOptions } from '../../base/process/node-options.js';
import { abortable } from '../../base/tasks/abortable.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import { ThreadPeer } from '../../base/thread-rpc.js';
import { EntryColumns } from '../../index/entry-columns.js';
import type { PathVersion } from '../../overlay/history/path-versions.js';
import type { DigestedLayer } from '../../overlay/open-tree.js';
import type {
  AnalysisMethods,
  CacheQuestion,
  FindQuestion,
  FoundImage,
  GivenLayer,
  Records,
  UsageQuestion,
} from './analysis-protocol.js';
import type { HiddenColumns } from './hidden-columns.js';
import type { TreeSums } from './tree-sums.js';

/** Threads that work at once: each takes a processor. */
const WORKING_MAX = 2;

/** Threads whose records are read slowly. Each has the tables of an image. */
const READ_MAX = 8;

/** A hostile image may need hours. */
const DEADLINE_MS = 60_000;

/** Memory of a thread beside its tables. */
const HEAP_MIB = 1_024;

/**
 * Analyses of images, each in a thread of its own: this one answers requests. The thread ends with
 * its analysis, or at once when no caller waits for it.
 */
export class Analyses {
  readonly #working = new Semaphore(WORKING_MAX);
  readonly #read = new Semaphore(READ_MAX);

  constructor(private readonly deadlineMs = DEADLINE_MS) {}

  /**
   * Merges layers.
   * @returns what `encodeTree` does
   * @throws LayerslayerError as mergeLayers; UNSUPPORTED past the deadline; the signal's reason
   */
  merge(layers: readonly DigestedLayer[], signal?: AbortSignal): Promise<Uint8Array> {
    return this.#run(signal, (peer) => peer.call('merge', { layers: layers.map(givenLayer) }));
  }

  /** Returns what upper layers hide. @throws as `merge` */
  hidden(layers: readonly DigestedLayer[], signal?: AbortSignal): Promise<HiddenColumns> {
    return this.#run(signal, (peer) => peer.call('hidden', { layers: layers.map(givenLayer) }));
  }

  /** Returns what the last of the layers hides of the others. @throws as `merge` */
  hiddenByLast(layers: readonly DigestedLayer[], signal?: AbortSignal): Promise<HiddenColumns> {
    return this.#run(signal, (peer) => peer.call('hiddenByLast', { layers: layers.map(givenLayer) }));
  }

  /** Returns what each directory of the merged tree has below it. @throws as `merge` */
  sums(layers: readonly DigestedLayer[], signal?: AbortSignal): Promise<TreeSums> {
    return this.#run(signal, (peer) => peer.call('sums', { layers: layers.map(givenLayer) }));
  }

  /** As `pathVersions` of overlay/. @throws as `merge` */
  versions(
    layers: readonly DigestedLayer[],
    names: readonly Uint8Array[],
    signal?: AbortSignal,
  ): Promise<PathVersion[]> {
    const copies = names.map((name) => new Uint8Array(name)); // a view takes its whole heap along
    const argument = () => ({ layers: layers.map(givenLayer), names: copies });
    return this.#run(signal, (peer) => peer.call('versions', argument()));
  }

  /**
   * Yields the lines of `/du`. The thread waits until the caller takes them.
   * @throws LayerslayerError as `usageRecords`, `merge`
   */
  usage(
    layers: readonly DigestedLayer[],
    question: UsageQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<object, void, undefined> {
    return this.#records(signal, (peer) => peer.call('usage', { layers: layers.map(givenLayer), question }));
  }

  /** Yields the lines of `/find` in one image. @throws LayerslayerError as `imageRecords` */
  find(
    layers: readonly DigestedLayer[],
    question: FindQuestion & { image: FoundImage; doubt: object },
    signal: AbortSignal,
  ): AsyncGenerator<object, void, undefined> {
    return this.#records(signal, (peer) => peer.call('find', { layers: layers.map(givenLayer), question }));
  }

  /** Yields the lines of `/find` in the cache. @throws LayerslayerError as `cacheRecords` */
  findInCache(question: CacheQuestion, signal: AbortSignal): AsyncGenerator<object, void, undefined> {
    return this.#records(signal, (peer) => peer.call('findInCache', { question }));
  }

  async #run<T>(signal: AbortSignal | undefined, ask: (peer: Peer) => Promise<T>): Promise<T> {
    return this.#working.run(async () => {
      const thread = new AnalysisThread();
      try {
        return await this.#within(ask(thread.peer), signal);
      } finally {
        thread.end();
      }
    }, signal);
  }

  /** @param begin asks for the first records */
  async *#records(
    signal: AbortSignal,
    begin: (peer: Peer) => Promise<Records>,
  ): AsyncGenerator<object, void, undefined> {
    const release = await this.#read.take(signal);
    const thread = new AnalysisThread();
    try {
      const ask = (task: () => Promise<Records>) =>
        this.#working.run(() => this.#within(task(), signal), signal);
      let next = await ask(() => begin(thread.peer));
      for (;;) {
        yield* next.records;
        if (next.isEnd) return;
        next = await ask(() => thread.peer.call('next', {}));
      }
    } finally {
      thread.end();
      release();
    }
  }

  /** @throws LayerslayerError UNSUPPORTED past the deadline; the signal's reason */
  async #within<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const why = `the analysis of this image takes more than ${Math.round(this.deadlineMs / 1000)} s`;
      timer = setTimeout(() => reject(new LayerslayerError('UNSUPPORTED', why)), this.deadlineMs);
    });
    try {
      return await abortable(Promise.race([answer, late]), signal);
    } finally {
      clearTimeout(timer);
    }
  }
}

type Peer = ThreadPeer<AnalysisMethods>;

class AnalysisThread {
  readonly peer: Peer;
  readonly #worker: Worker;

  constructor() {
    this.#worker = new Worker(new URL('./analysis-worker.js', import.meta.url), {
      name: 'analysis',
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
      ...threadOptions(),
    });
    const peer = new ThreadPeer<AnalysisMethods>(this.#worker);
    this.#worker.on('error', (error) => peer.close(faultOf(error)));
    this.#worker.on('exit', () => peer.close(new LayerslayerError('INTERNAL', 'the analysis ended')));
    this.peer = peer;
  }

  end(): void {
    void this.#worker.terminate();
  }
}

function faultOf(error: unknown): LayerslayerError {
  if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new LayerslayerError('UNSUPPORTED', 'the analysis of this image needs too much memory');
  return asLayerslayerError(error);
}

function givenLayer({ number, hidesTableMarkers, entries, layer }: DigestedLayer): GivenLayer {
  if (!(entries instanceof EntryColumns)) throw new LayerslayerError('INTERNAL', 'a layer without columns');
  const { columns, footprint } = entries;
  return { number, hidesTableMarkers, digest: layer.digest, columns, blobSize: footprint?.blobSize };
}
