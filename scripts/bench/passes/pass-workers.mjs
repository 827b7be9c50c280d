// Index passes over one file in worker threads, as inflate threads run them.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { interleavedLowest, seconds } from '../measure.mjs';

const WORKER = new URL('./index-worker.mjs', import.meta.url);

const PAIRS = 5;
const TWO_WORKERS_LIMIT = 1.6; // times one worker's

/** Workers that have the file in memory, and have compiled the pass. */
export class PassWorkers {
  #workplace;
  #workers;

  static async start(workplace, path, count) {
    const workers = new PassWorkers();
    workers.#workplace = workplace;
    workers.#workers = Array.from({ length: count }, () => new Worker(WORKER, { workerData: { path } }));
    await Promise.all(workers.#workers.map((worker) => once(worker, 'message')));
    await workers.run();
    return workers;
  }

  /**
   * Has this many of them each make a pass.
   * @returns seconds until all have, and processor seconds of the first one's thread
   */
  async run(count = this.#workers.length) {
    await this.#workplace.run(['sync']);
    const began = performance.now();
    const [[thread]] = await Promise.all(
      this.#workers.slice(0, count).map((worker) => {
        worker.postMessage('go');
        return once(worker, 'message');
      }),
    );
    return { wall: (performance.now() - began) / 1000, thread };
  }

  async end() {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** Adds the row of two passes at once. */
export async function twoWorkers({ workplace, report }, path, what) {
  const workers = await PassWorkers.start(workplace, path, 2);
  try {
    const { one, two } = await interleavedLowest(PAIRS, {
      one: async () => (await workers.run(1)).wall,
      two: async () => (await workers.run(2)).wall,
    });
    report.add({
      what,
      ours: seconds(two),
      against: `one in one ${seconds(one)}`,
      ratio: (2 * one) / two,
      unit: 'x',
      atLeast: TWO_WORKERS_LIMIT,
    });
  } finally {
    await workers.end();
  }
}
