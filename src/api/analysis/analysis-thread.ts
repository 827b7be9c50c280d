import { Worker } from 'node:worker_threads';
import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { threadOptions } from '../../base/process/node-options.js';
import { WORKER_LIMITS } from '../../base/process/worker-limits.js';
import { ThreadPeer } from '../../base/thread-rpc.js';
import type { ImageView } from '../../image/opened-image.js';
import type { AnalysisMethods } from './analysis-protocol.js';
import type { ComparisonSources } from './compared-side.js';
import { givenView } from './given-view.js';

/** Memory of a thread beside its tables. */
const HEAP_MIB = 1_024;

export type AnalysisPeer = ThreadPeer<AnalysisMethods>;

/** A thread for one analysis at a time. */
export class AnalysisThread {
  readonly peer: AnalysisPeer;
  /** Resolves when the thread is gone. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  #isWorking = false;
  /** Answers what the thread asks for during its analysis. */
  sources: ComparisonSources | undefined;
  #view: ImageView | undefined;

  constructor() {
    this.#worker = new Worker(new URL('./analysis-worker.js', import.meta.url), {
      name: 'analysis',
      resourceLimits: { ...WORKER_LIMITS, maxOldGenerationSizeMb: HEAP_MIB },
      ...threadOptions(),
    });
    const peer: AnalysisPeer = new ThreadPeer(this.#worker, {
      read: (wanted) => this.sources?.read(wanted),
    } satisfies { [name in keyof ComparisonSources]: (wanted: never) => unknown });
    this.#worker.on('error', (error) => peer.close(faultOf(error)));
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        peer.close(new LayerslayerError('INTERNAL', 'the analysis ended'));
        resolve();
      });
    });
    this.peer = peer;
  }

  /** The view that the thread received last. */
  get view(): ImageView | undefined {
    return this.#view;
  }

  /**
   * Sends the thread the view that the next calls are about.
   * @throws what `givenView` throws: the thread has the view of before
   */
  give(view: ImageView): void {
    if (this.#view === view) return;
    this.peer.notify('hold', { view: givenView(view) });
    this.#view = view;
  }

  /** @throws what the task throws; LayerslayerError UNSUPPORTED if it takes too much memory */
  async ask<T>(task: (peer: AnalysisPeer) => Promise<T>): Promise<T> {
    this.#isWorking = true;
    try {
      return await task(this.peer);
    } finally {
      this.#isWorking = false;
    }
  }

  /** Whether it can take another analysis. */
  get isFree(): boolean {
    return !this.#isWorking && !this.peer.closed;
  }

  /** An idle thread does not keep the process from ending. */
  setIdle(isIdle: boolean): void {
    if (isIdle) this.#worker.unref();
    else this.#worker.ref();
  }

  /** Terminates the thread. Its pending calls fail with ABORTED. */
  end(): void {
    this.peer.close(new LayerslayerError('ABORTED', 'the analysis was ended'));
    void this.#worker.terminate();
  }
}

function faultOf(error: unknown): LayerslayerError {
  if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new LayerslayerError('UNSUPPORTED', 'the analysis of this image needs too much memory');
  return asLayerslayerError(error);
}
