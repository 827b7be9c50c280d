import { LayerslayerError } from '../../base/errors.js';
import { abortable } from '../../base/tasks/abortable.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import { Transferred } from '../../base/thread-rpc.js';
import type { ImageView } from '../../image/opened-image.js';
import type { PathVersion } from '../../overlay/history/path-versions.js';
import type { DigestedLayer, MadeTree } from '../../overlay/open-tree.js';
import type {
  CacheQuestion,
  DiffQuestion,
  FindQuestion,
  FoundImage,
  Records,
  UsageQuestion,
} from './analysis-protocol.js';
import type { AnalysisPeer, AnalysisThread } from './analysis-thread.js';
import { AnalysisThreads } from './analysis-threads.js';
import { readAsked } from './asked-layer.js';
import { type ComparisonSources, givenSide } from './compared-side.js';
import { givenLayer } from './given-layer.js';
import { treeOfGiven } from './given-view.js';
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
 * Runs analyses of images in threads: the caller's thread answers requests. A thread has one
 * analysis at a time. It is ended if its caller stops waiting, else it takes the next analysis.
 */
export class Analyses {
  readonly #threads = new AnalysisThreads();
  readonly #working = new Semaphore(WORKING_MAX);
  readonly #comparing = new Semaphore(COMPARING_MAX);
  readonly #read = new Semaphore(READ_MAX);

  constructor(private readonly deadlineMs = DEADLINE_MS) {}

  /**
   * Merges layers, see `TreeMaker`.
   * @throws LayerslayerError as mergeLayers; UNSUPPORTED past the deadline; the signal's reason
   */
  async merge(layers: readonly DigestedLayer[], signal?: AbortSignal): Promise<MadeTree> {
    const argument = () => ({ layers: layers.map(givenLayer) });
    const { bytes, ...given } = await this.#run(undefined, signal, (peer) => peer.call('merge', argument()));
    return { ...treeOfGiven(given, layers), bytes };
  }

  /** Returns what upper layers hide. @throws as `merge` */
  hidden(view: ImageView, signal?: AbortSignal): Promise<HiddenColumns> {
    return this.#run(view, signal, (peer) => peer.call('hidden', {}));
  }

  /** Returns what one layer hides of those below it. @throws as `merge` */
  hiddenByLayer(view: ImageView, layer: number, signal?: AbortSignal): Promise<HiddenColumns> {
    return this.#run(view, signal, (peer) => peer.call('hiddenByLayer', { layer }));
  }

  /** Returns what each directory of the merged tree has below it. @throws as `merge` */
  sums(view: ImageView, signal?: AbortSignal): Promise<TreeSums> {
    return this.#run(view, signal, (peer) => peer.call('sums', {}));
  }

  /** As `pathVersions` of overlay/. @throws as `merge` */
  versions(view: ImageView, names: readonly Uint8Array[], signal?: AbortSignal): Promise<PathVersion[]> {
    const copies = names.map((name) => new Uint8Array(name)); // a view takes its whole heap along
    return this.#run(view, signal, (peer) => peer.call('versions', { names: copies }));
  }

  /**
   * Yields the lines of `/du`. The thread waits until the caller takes them.
   * @throws LayerslayerError as `usageRecords`, `merge`
   */
  usage(
    view: ImageView,
    question: UsageQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<object, void, undefined> {
    return this.#records(signal, (peer) => peer.call('usage', { question }), { view });
  }

  /** Yields the lines of `/find` in one image. @throws LayerslayerError as `imageRecords` */
  find(
    view: ImageView,
    question: FindQuestion & { image: FoundImage; doubt: object },
    signal: AbortSignal,
  ): AsyncGenerator<object, void, undefined> {
    return this.#records(signal, (peer) => peer.call('find', { question }), { view });
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
    const begin = (peer: AnalysisPeer) =>
      peer.call('diff', { from: given(sides.from), to: given(sides.to), question });
    return this.#records(signal, begin, { turns: this.#comparing, sources, isWaiting: () => reads > 0 });
  }

  /** Threads with an analysis, and threads that wait for one. */
  get threads(): { working: number; idle: number } {
    const { working, idle } = this.#threads;
    return { working, idle };
  }

  /** Ends idle threads now, and the others after their analyses. */
  close(): void {
    this.#threads.close();
  }

  async #run<T>(
    view: ImageView | undefined,
    signal: AbortSignal | undefined,
    ask: (peer: AnalysisPeer) => Promise<T>,
  ): Promise<T> {
    return this.#working.run(async () => {
      const thread = this.#threadFor(view);
      try {
        return await this.#within(thread.ask(ask), signal);
      } finally {
        this.#threads.release(thread);
      }
    }, signal);
  }

  /** @param begin asks for the first records */
  async *#records(
    signal: AbortSignal,
    begin: (peer: AnalysisPeer) => Promise<Records>,
    { view, turns = this.#working, sources, isWaiting }: RecordsOptions = {},
  ): AsyncGenerator<object, void, undefined> {
    const release = await this.#read.take(signal);
    let thread: AnalysisThread | undefined;
    let isEnd = false;
    const ask = (task: (peer: AnalysisPeer) => Promise<Records>) =>
      turns.run(async () => {
        thread ??= this.#threadFor(view, sources);
        try {
          return await this.#within(thread.ask(task), signal, isWaiting);
        } catch (error) {
          this.#threads.release(thread);
          thread = undefined;
          throw error;
        }
      }, signal);
    try {
      let next = await ask(begin);
      while (!next.isEnd) {
        yield* next.records;
        next = await ask((peer) => peer.call('next', {}));
      }
      isEnd = true;
      this.#threads.release(thread!); // a reader of the last records needs no thread
      release();
      yield* next.records;
    } finally {
      if (!isEnd) {
        if (thread) this.#threads.end(thread); // no caller takes its records
        release();
      }
    }
  }

  /** @throws what `AnalysisThread.give` throws */
  #threadFor(view: ImageView | undefined, sources?: ComparisonSources): AnalysisThread {
    const thread = this.#threads.take(view);
    try {
      if (view) thread.give(view);
    } catch (error) {
      this.#threads.release(thread);
      throw error;
    }
    thread.sources = sources;
    return thread;
  }

  /**
   * @param isWaiting whether the thread waits for bytes of a layer: that time does not count
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
  view?: ImageView; // that the records are about
  turns?: Semaphore; // limits the threads that work at once
  sources?: ComparisonSources; // answers what the thread asks for
  isWaiting?: () => boolean;
}
