// The index pass against plain inflating by zlib, and two of them at once.
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { corpusOf, randomCorpus } from './corpus.mjs';
import { interleaved, megabytes, seconds } from './measure.mjs';

const CHILD = fileURLToPath(new URL('./inflate-child.mjs', import.meta.url));
const WORKER = new URL('./index-worker.mjs', import.meta.url);

/** Decompressed bytes. */
const CORPUS_SIZE = 220_000_000;
const RANDOM_SIZE = 200_000_000;
const ROUNDS = 3; // of processes; each makes several pairs of passes

const USR_LIMIT = 1.1; // times zlib's speed
const TEXT_LIMIT = 1.2;
const TWO_WORKERS_LIMIT = 1.6; // times one worker's

export async function indexPass({ workplace, report }) {
  const usr = await corpusOf('usr', CORPUS_SIZE, workplace);
  await againstZlib('/usr', usr, { atLeast: USR_LIMIT });
  await againstZlib('text', await corpusOf('text', CORPUS_SIZE, workplace), { atLeast: TEXT_LIMIT });
  await againstZlib('random', await randomCorpus(RANDOM_SIZE, workplace), {});
  await twoWorkers(usr);

  async function againstZlib(name, corpus, limit) {
    const told = [];
    for (let round = 0; round < ROUNDS; round++) {
      await workplace.run(['sync']);
      told.push(JSON.parse(await workplace.run([process.execPath, CHILD, corpus.path])));
    }
    const speed = (spent) => `${megabytes(corpus.tarSize / spent)}/s`;
    const add = (what, pairs, ours, rest) => {
      const sorted = pairs.toSorted((a, b) => a.zlib / a[ours] - b.zlib / b[ours]);
      const pair = sorted[sorted.length >> 1];
      report.add({
        what,
        ours: speed(pair[ours]),
        against: `zlib ${speed(pair.zlib)}`,
        ratio: pair.zlib / pair[ours],
        unit: 'x',
        ...rest,
      });
    };
    const warm = told.map((each) => each.warm);
    add(`index pass, ${name}, ${megabytes(corpus.tarSize)} (inflating thread)`, warm, 'thread', limit);
    add('  … with all threads of the process', warm, 'process', {});
    const cold = told.map((each) => each.cold);
    add('  … the first in a process', cold, 'thread', {});
  }

  async function twoWorkers({ path }) {
    const workers = [0, 1].map(() => new Worker(WORKER, { workerData: { path } }));
    try {
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      const wallSeconds = (count) => async () => {
        await workplace.run(['sync']);
        const began = performance.now();
        await Promise.all(
          workers.slice(0, count).map((worker) => {
            worker.postMessage('go');
            return once(worker, 'message');
          }),
        );
        return (performance.now() - began) / 1000;
      };
      await wallSeconds(2)(); // both have compiled by then
      const { one, two } = await interleaved(ROUNDS, { one: wallSeconds(1), two: wallSeconds(2) });
      report.add({
        what: 'two layers in two workers (wall)',
        ours: seconds(two),
        against: `one in one ${seconds(one)}`,
        ratio: (2 * one) / two,
        unit: 'x',
        atLeast: TWO_WORKERS_LIMIT,
      });
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  }
}
