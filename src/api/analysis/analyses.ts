import { LayerslayerError } from '../../base/errors.js';
import { abortable } from '../../base/tasks/abortable.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import { Transferred } from '../../base/thread-rpc.js';
import type { ImageView } from '../../image/opened-image.js';
import type { PathVersion } from '../../overlay/history/path-versions.js';
import type { DigestedLayer, TreesElsewhere } from '../../overlay/open-tree.js';
import type {
  CacheQuestion,
  DiffQuestion,
  FindQuestion,
  FoundImage,
  Records,
  UsageQuestion,
} from './analysis-protocol.js';
import { type AnalysisPeer, AnalysisThread } from './analysis-thread.js';
import { readAsked } from './asked-layer.js';
import { type ComparisonSources, givenSide } from './compared-side.js';
import { givenLayer } from './given-layer.js';
import type { HiddenColumns } from './hidden-columns.js';
import type { TreeSums } from './tree-sums.js';

/** Threads that work at once: each takes a processor. */
const WORKING_MAX = 2;

/** Comparisons that work at once: most of the time they wait for bytes of files. */
const COMPARING_MAX = 2;

/** Threads whose records are read slowly. Each has the tables of an image. */
const READ_MAX = 8;

/** A hostile image may need hours. */
const DEADLINE_MS = 60_000;

/**
 * Analyses of images, each in a thread of its own: this one answers requests. The thread ends with
 * its analysis, or at once when no caller waits for it.
 */
export class Analyses {
  readonly #working = new Semaphore(WORKING_MAX);
  readonly #comparing = new Semaphore(COMPARING_MAX);
  readonly #read = new Semaphore(READ_MAX);

  #threads = 0;

  constructor(private readonly deadlineMs = DEADLINE_MS) {}

  /** Threads that exist. */
  get threads(): number {
    return this.#threads;
  }

  /**
   * Merges layers, see `TreesElsewhere`.
   * @throws LayerslayerError as mergeLayers; UNSUPPORTED past the deadline; the signal's reason
   */
  merge(layers: readonly DigestedLayer[], signal?: AbortSignal): ReturnType<TreesElsewhere['merge']> {
    return this.#run(signal, (peer) => peer.call('merge', { layers: layers.map(givenLayer) }));
  }

  /** Returns what upper layers hide. @throws as `merge` */
  hidden(layers: readonly DigestedLayer[], signal?: AbortSignal): Promise<HiddenColumns> {
    return this.#run(signal, (peer) => peer.call('hidden', { layers: layers.map(givenLayer) }));
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

  /**
   * Yields the lines of `/diff`. This thread only reads the bytes of files that are compared.
   * @throws LayerslayerError as `diffRecords`
   */
  diff(
    sides: { from: ComparedImage; to: ComparedImage },
    question: DiffQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<object, void, undefined> {
    const given = ({ name, view }: ComparedImage) => givenSide(name, view);
    const [from, to] = [given(sides.from), given(sides.to)];
    let reads = 0;
    const sources: ComparisonSources = {
      async read({ side, ...asked }) {
        reads++;
        try {
          const bytes = await readAsked(sides[side].view.byNumber.get(asked.layer)!, asked, signal);
          return new Transferred(bytes, [bytes.buffer]);
        } finally {
          reads--;
        }
      },
    };
    return this.#records(signal, (peer) => peer.call('diff', { from, to, question }), {
      turns: this.#comparing,
      handlers: sources,
      isWaiting: () => reads > 0,
    });
  }

  #start(handlers?: object): AnalysisThread {
    const thread = new AnalysisThread(handlers);
    this.#threads++;
    void thread.ended.then(() => this.#threads--);
    return thread;
  }

  async #run<T>(signal: AbortSignal | undefined, ask: (peer: AnalysisPeer) => Promise<T>): Promise<T> {
    return this.#working.run(async () => {
      const thread = this.#start();
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
    begin: (peer: AnalysisPeer) => Promise<Records>,
    { turns = this.#working, handlers, isWaiting }: RecordsOptions = {},
  ): AsyncGenerator<object, void, undefined> {
    const release = await this.#read.take(signal);
    const thread = this.#start(handlers);
    try {
      const ask = (task: () => Promise<Records>) =>
        turns.run(() => this.#within(task(), signal, isWaiting), signal);
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

  /**
   * @param isWaiting the thread waits for bytes of others, whose time does not count
   * @throws LayerslayerError UNSUPPORTED past the deadline; the signal's reason
   */
  async #within<T>(answer: Promise<T>, signal: AbortSignal | undefined, isWaiting = () => false): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const why = `the analysis of this image takes more than ${Math.round(this.deadlineMs / 1000)} s`;
      timer = setTimeout(() => {
        if (isWaiting()) timer?.refresh();
        else reject(new LayerslayerError('UNSUPPORTED', why));
      }, this.deadlineMs);
    });
    try {
      return await abortable(Promise.race([answer, late]), signal);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** An image that is compared. */
export interface ComparedImage {
  name: string; // in messages
  view: ImageView;
}

interface RecordsOptions {
  turns?: Semaphore; // of the threads that work at once
  handlers?: object; // of what the thread asks
  isWaiting?: () => boolean;
}
