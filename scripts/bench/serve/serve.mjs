// `layerslayer serve` with an indexed image of 100,000 files: fifty clients, a thousand event
// streams, and the first answer of a server that was just started.
import { loadavg } from 'node:os';
import { FILES_OF_DIRECTORY } from '../images/images.mjs';
import { smallFilePath } from '../images/small-files.mjs';
import { interleaved, MIB, mib, seconds } from '../measure.mjs';
import { serveEventStreams } from './event-streams.mjs';
import { load, percentile, seededRandom } from './load-clients.mjs';
import { ServerProcess } from './server-process.mjs';

export const FILES = 100_000;

const CLIENTS = 50;
const LOAD_MS = 30_000;
const SEED = 7;

/** Of `/stat`, 99 of 100. */
const STAT_LIMIT_MS = 50;
/** Of the whole process with all its threads. */
const MEMORY_LIMIT = 300 * MIB;
/** From the start of the server to the first byte of the root's listing. */
const FIRST_CONTENT_LIMIT = 1; // seconds
const FIRST_CONTENT_ROUNDS = 5;

export async function serve(bench) {
  const { workplace, images } = bench;
  const image = await images.changedFiles(FILES);
  const words = ['--cache-dir', workplace.folder('serve-cache')];
  await indexed(workplace, image, words);
  await firstContent(bench, image, words);
  await underLoad(bench, image, words);
  await serveEventStreams(bench, image, words);
}

/** Makes the indexes, which all servers share. */
async function indexed(workplace, image, words) {
  const server = await ServerProcess.start(workplace, words);
  await server.text('/api/v1/stat', { image: image.reference, path: '/' });
  await server.end();
}

async function firstContent({ workplace, report }, image, words) {
  const { node, ours } = await interleaved(FIRST_CONTENT_ROUNDS, {
    node: () => workplace.timed(`'${process.execPath}' -e 0`),
    ours: async () => {
      const begun = performance.now();
      const server = await ServerProcess.start(workplace, words);
      const query = { image: image.reference, path: '/' };
      const answer = await fetch(server.url('/api/v1/tree', query), { headers: server.headers });
      await answer.body.getReader().read();
      const elapsed = (performance.now() - begun) / 1000;
      await server.end();
      return elapsed;
    },
  });
  report.add({
    what: `serve, from its start to the first bytes of ${FILES} files`,
    ours: seconds(ours),
    against: `node -e 0 ${seconds(node)}`,
    ratio: ours,
    atMost: FIRST_CONTENT_LIMIT,
    unit: ' s',
  });
}

async function underLoad({ workplace, report }, image, words) {
  const server = await ServerProcess.start(workplace, words, { watchesLoop: true });
  await server.text('/api/v1/stat', { image: image.reference, path: '/' });
  const random = seededRandom(SEED);
  const before = { ...server.answering, all: server.cpuSeconds, own: process.cpuUsage() };
  const begun = performance.now();
  const { times, faults } = await load(server, {
    clients: CLIENTS,
    ms: LOAD_MS,
    random,
    questions: questionsAbout(image.reference, random),
  });
  const elapsed = (performance.now() - begun) / 1000;
  const { ran, waited } = server.answering;
  const all = server.cpuSeconds - before.all;
  const { user, system } = process.cpuUsage(before.own);
  const { now, peak } = server.resident;
  await server.end();

  const count = [...times.values()].reduce((sum, list) => sum + list.length, 0);
  report.add({
    what: `serve, ${CLIENTS} clients for ${elapsed.toFixed(0)} s`,
    ours: `${(count / elapsed).toFixed(0)} answers/s, CPU ${all.toFixed(1)} s`,
    against: `clients' CPU ${((user + system) / 1e6).toFixed(1)} s, load average ${loadavg()[0].toFixed(1)}`,
  });
  report.add({
    what: 'serve, the answering thread under load',
    ours: `CPU ${(((ran - before.ran) / count) * 1000).toFixed(2)} ms an answer`,
    against: `ran ${seconds(ran - before.ran)}, waited for a processor ${seconds(waited - before.waited)}`,
  });
  const { p99Ms = Number.NaN, maxMs = Number.NaN } = server.loopDelay ?? {};
  report.add({
    what: 'serve, the event loop under load, late by',
    ours: `p99 ${p99Ms.toFixed(1)} ms, max ${maxMs.toFixed(1)} ms`,
  });
  for (const [name, list] of times) {
    report.add({
      what: `serve, ${name}, p99 of ${list.length}`,
      ours: `${percentile(list, 0.99).toFixed(1)} ms`,
      against: `p50 ${percentile(list, 0.5).toFixed(1)} ms, max ${percentile(list, 1).toFixed(1)} ms`,
      ...(name === 'stat' && { ratio: percentile(list, 0.99), atMost: STAT_LIMIT_MS, unit: ' ms' }),
    });
  }
  report.check({
    what: 'serve, other answers than 200 and 206',
    ours: [...faults].map(([what, times]) => `${times} of ${what}`).join(', ') || 'none',
    limit: 'none',
    kept: faults.size === 0,
  });
  report.add({
    what: 'serve, memory of the process, at most',
    ours: mib(peak),
    against: `after ${mib(now)}, limit ${mib(MEMORY_LIMIT)}`,
    ratio: peak / MEMORY_LIMIT,
    atMost: 1,
  });
}

/** What clients of a browser and of scripts ask, many of the light and few of the heavy. */
function questionsAbout(image, random) {
  const number = (below) => Math.floor(random() * below);
  const path = () => `/${smallFilePath(FILES, FILES / FILES_OF_DIRECTORY, number(FILES))}`;
  const live = () => {
    let file = number(FILES);
    if (file % 50 === 1) file++; // it was removed
    return `/${smallFilePath(FILES, FILES / FILES_OF_DIRECTORY, file)}`;
  };
  const directory = () => path().replace(/\/[^/]+$/, '');
  const api = (route, query, headers) => ({ path: `/api/v1/${route}`, query: { image, ...query }, headers });
  const lines = { Accept: 'application/x-ndjson' };
  return [
    { name: 'stat', weight: 45, next: () => api('stat', { path: path() }) },
    { name: 'tree, a page of 100', weight: 20, next: () => api('tree', { path: directory(), limit: '100' }) },
    {
      name: 'tree, 500 lines with deleted ones',
      weight: 5,
      next: () => api('tree', { path: directory(), deleted: '1' }, lines),
    },
    {
      name: 'file, a range',
      weight: 20,
      next: () => api('file', { path: live() }, { Range: `bytes=${number(50)}-${100 + number(99)}` }),
    },
    { name: 'image', weight: 5, next: () => api('image', {}) },
    { name: 'du of a directory', weight: 1, next: () => api('du', { path: directory(), depth: '0' }) },
    { name: 'find', weight: 1, next: () => api('find', { pattern: `component-0${number(10_000)}*` }) },
    { name: 'health', weight: 3, next: () => ({ path: '/healthz', query: {} }) },
  ];
}
