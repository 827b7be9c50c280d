import { Worker } from 'node:worker_threads';
import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { threadOptions } from '../../base/process/node-options.js';
import { ThreadPeer } from '../../base/thread-rpc.js';
import type { AnalysisMethods } from './analysis-protocol.js';

/** Memory of a thread beside its tables. */
const HEAP_MIB = 1_024;

export type AnalysisPeer = ThreadPeer<AnalysisMethods>;

/** A thread for one analysis. */
export class AnalysisThread {
  readonly peer: AnalysisPeer;
  /** Resolves when the thread is gone. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;

  /** @param handlers of what the thread asks */
  constructor(handlers: object = {}) {
    this.#worker = new Worker(new URL('./analysis-worker.js', import.meta.url), {
      name: 'analysis',
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
      ...threadOptions(),
    });
    const peer: AnalysisPeer = new ThreadPeer(this.#worker, handlers);
    this.#worker.on('error', (error) => peer.close(faultOf(error)));
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        peer.close(new LayerslayerError('INTERNAL', 'the analysis ended'));
        resolve();
      });
    });
    this.peer = peer;
  }

  /** Ends what the thread does, and what it waits for. */
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
