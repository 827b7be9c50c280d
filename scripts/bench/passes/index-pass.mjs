// The index pass against plain inflating by zlib, and two of them at once.
import { fileURLToPath } from 'node:url';
import { corpusOf, randomCorpus } from '../images/corpus.mjs';
import { megabytes } from '../measure.mjs';
import { twoWorkers } from './pass-workers.mjs';

const CHILD = fileURLToPath(new URL('./inflate-child.mjs', import.meta.url));

/** Decompressed bytes. */
const CORPUS_SIZE = 220_000_000;
const RANDOM_SIZE = 200_000_000;
const ROUNDS = 3; // of processes; each makes several pairs of passes

const USR_LIMIT = 1.1; // times zlib's speed
const TEXT_LIMIT = 1.2;

export async function indexPass({ workplace, report }) {
  const usr = await corpusOf('usr', CORPUS_SIZE, workplace);
  await againstZlib('/usr', usr, { atLeast: USR_LIMIT });
  await againstZlib('text', await corpusOf('text', CORPUS_SIZE, workplace), { atLeast: TEXT_LIMIT });
  await againstZlib('random', await randomCorpus(RANDOM_SIZE, workplace), {});
  await twoWorkers({ workplace, report }, usr.path, 'two layers in two workers (wall)');

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
}
