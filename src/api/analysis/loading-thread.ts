import type { LayerIndex } from '../../index/cached-indexes.js';
import { indexOfGiven } from '../../index/cached-indexes.js';
import type { DigestedLayer, LoadedTree } from '../../overlay/open-tree.js';
import { type AnalysisPeer, AnalysisThread } from './analysis-thread.js';
import { givenLayer } from './given-layer.js';
import { treeOfGiven } from './given-view.js';

/** Starting the thread takes longer than loading most indexes: it stays for the next ones. */
const IDLE_MS = 10_000;

/**
 * Loads cached indexes and trees in a thread. Their columns are in shared memory: nothing is
 * copied, and other threads get them without a copy.
 */
export class LoadingThread {
  #thread: AnalysisThread | undefined;
  #loads = 0; // under way
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param fd of an encoded index. The caller closes it
   * @param size bytes of its file
   * @throws LayerslayerError CORRUPT_LAYER; INTERNAL if the thread ends
   */
  async index(fd: number, size: number): Promise<LayerIndex> {
    return indexOfGiven(await this.#load((peer) => peer.call('loadIndex', { fd, size })));
  }

  /**
   * @param fd of an encoded tree. The caller closes it
   * @param layers that it was merged from
   * @throws as `index`
   */
  async tree(fd: number, layers: readonly DigestedLayer[]): Promise<LoadedTree> {
    const argument = () => ({ fd, layers: layers.map(givenLayer) });
    return treeOfGiven(await this.#load((peer) => peer.call('loadTree', argument())), layers);
  }

  async #load<T>(ask: (peer: AnalysisPeer) => Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    if (!this.#thread || this.#thread.peer.closed) this.#thread = new AnalysisThread();
    this.#loads++;
    try {
      return await ask(this.#thread.peer);
    } finally {
      if (--this.#loads === 0) this.#idle = setTimeout(() => this.end(), IDLE_MS).unref();
    }
  }

  end(): void {
    clearTimeout(this.#idle);
    this.#thread?.end();
    this.#thread = undefined;
  }
}
