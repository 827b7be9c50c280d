import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.js';
import type { ImageSession } from '../engine/image-session.js';
import type { OpenedLayer } from '../image/opened-image.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { LiveStatus } from './status/status-client.js';

/** The first reads of a mount come before its layers are read whole. */
const DELAY_MS = 1_000;

/** What `--verify-later` does: reads layers whole that indexes of others show. */
export class LaterComparison {
  state: LiveStatus['verification'] = 'none';
  readonly #stop = new AbortController();

  /** Returns at once. */
  start(
    session: Pick<ImageSession, 'compareLayers'>,
    image: ResolvedImage,
    layers: readonly OpenedLayer[],
    log: Log,
  ): void {
    this.state = 'running';
    void this.#run(session, image, layers).then(
      (state) => {
        this.state = state;
        if (state === 'done') log.info('all layers are what their indexes say');
      },
      (error: Error) => {
        this.state = 'failed';
        if (!this.#stop.signal.aborted) log.warn(`comparing layers: ${error.message}`);
      },
    );
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(
    session: Pick<ImageSession, 'compareLayers'>,
    image: ResolvedImage,
    layers: readonly OpenedLayer[],
  ): Promise<LiveStatus['verification']> {
    const { signal } = this.#stop;
    await sleep(DELAY_MS, undefined, { signal, ref: false });
    return session.compareLayers(image, layers, signal);
  }
}
