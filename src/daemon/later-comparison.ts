import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.js';
import type { ImageSession } from '../engine/image-session.js';
import type { OpenedLayer } from '../image/opened-image.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { LiveStatus } from './status/status-client.js';

/** The first reads of a mount come before its layers are read whole. */
const DELAY_MS = 1_000;

/** What is compared, and what happens when a layer is not what its index says. */
export interface ComparedMount {
  session: Pick<ImageSession, 'compareLayers'>;
  image: ResolvedImage;
  layers: readonly OpenedLayer[];
  onRefuted(layer: number): void;
  log: Log;
}

/** What `--verify-later` does: reads layers whole that indexes of others show. */
export class LaterComparison {
  state: LiveStatus['verification'] = 'none';
  readonly #stop = new AbortController();

  /** Returns at once. */
  start(mount: ComparedMount): void {
    this.state = 'running';
    void this.#run(mount).then(
      (state) => {
        this.state = state;
        if (state === 'done') mount.log.info('all layers are what their indexes say');
      },
      (error: Error) => {
        this.state = 'failed';
        if (!this.#stop.signal.aborted) mount.log.warn(`comparing layers: ${error.message}`);
      },
    );
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run({ session, image, layers, onRefuted }: ComparedMount): Promise<LiveStatus['verification']> {
    const { signal } = this.#stop;
    await sleep(DELAY_MS, undefined, { signal, ref: false });
    return session.compareLayers(image, layers, { signal, onRefuted });
  }
}
