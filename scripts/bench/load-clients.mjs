// Clients of one server that ask without a pause, each over a connection of its own.
import { once } from 'node:events';
import { Agent, request } from 'node:http';

/** A second more than all answers take: a client that got 429 comes again. */
const RETRY_MS = 1_000;

/**
 * Asks for a time.
 * @param questions `{ name, weight, next() -> { path, query, headers? } }`
 * @param random returns a number from 0 to 1
 * @returns name -> times of the answers in ms, ascending, and what was answered otherwise
 */
export async function load(server, { clients, ms, questions, random }) {
  const times = new Map(questions.map(({ name }) => [name, []]));
  const faults = new Map();
  const deadline = performance.now() + ms;
  const choose = chooserOf(questions, random);
  const run = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (performance.now() < deadline) {
      const question = choose();
      const asked = question.next();
      const begun = performance.now();
      const status = await statusOf(server, asked, agent);
      const elapsed = performance.now() - begun;
      if (status === 200 || status === 206) times.get(question.name).push(elapsed);
      else faults.set(`${status} ${question.name}`, (faults.get(`${status} ${question.name}`) ?? 0) + 1);
      if (status === 429) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: clients }, run));
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
