// Clients of one server that ask without a pause, each over a connection of its own.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** A client that got 429 asks again after this time. */
const RETRY_MS = 1_000;

/**
 * Asks for a time, over connections that are open when it begins.
 * @param questions `{ name, weight, next() -> { path, query, headers? } }`
 * @param random returns a number from 0 to 1
 * @returns name -> times of the answers in ms, ascending, and what was answered otherwise
 */
export async function load(server, { clients, ms, questions, random }) {
  const times = new Map(questions.map(({ name }) => [name, []]));
  const faults = new Map();
  const choose = chooserOf(questions, random);
  const agents = Array.from({ length: clients }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  await Promise.all(agents.map((agent) => statusOf(server, { path: '/healthz' }, agent)));
  const deadline = performance.now() + ms;
  const run = async (agent) => {
    while (performance.now() < deadline) {
      const question = choose();
      const asked = question.next();
      const begun = performance.now();
      const status = await statusOf(server, asked, agent);
      const elapsed = performance.now() - begun;
      if (status === 200 || status === 206) times.get(question.name).push(elapsed);
      else faults.set(`${status} ${question.name}`, (faults.get(`${status} ${question.name}`) ?? 0) + 1);
      if (status === 429) await sleep(RETRY_MS);
    }
    agent.destroy();
  };
  await Promise.all(agents.map(run));
  for (const list of times.values()) list.sort((a, b) => a - b);
  return { times, faults };
}

/** Reads an answer to its end. @returns its status */
async function statusOf(server, { path, query, headers }, agent) {
  const options = { agent, headers: { ...server.headers, ...headers } };
  const [incoming] = await once(request(server.url(path, query), options).end(), 'response');
  incoming.resume();
  await once(incoming, 'end');
  return incoming.statusCode;
}

function chooserOf(questions, random) {
  const total = questions.reduce((sum, { weight }) => sum + weight, 0);
  return () => {
    let left = random() * total;
    return questions.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
  };
}

/** @param sorted times, ascending */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Numbers from 0 to 1 that are the same in each run. (mulberry32, T. Ettinger) */
export function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
