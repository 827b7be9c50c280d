/** The built server under load: fifty clients ask at once, and each answer is compared. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { Workplace } from '../support/mounts.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { type Answer, Client, type Leaving, type Server } from './serve-load/client.js';
import { largeFile, metric, nextPage, type Question, questionsAbout } from './serve-load/questions.js';
import { LAYERS, layerBytes, OTHER_LAYERS } from './serve-load/source-image.js';

const LOAD_MS = 5_000;
const CLIENTS = 50;
/** Of these clients. */
const LEAVING_CLIENTS = 9;
const SLOW_CLIENTS = 1;

/** Of the faults that were found, in the message. */
const SHOWN_FAULTS = 20;

/** What the server counts: answers, and clients that went away before theirs. */
const USUAL_STATUSES = new Set(['200', '206', '499']);

/** Answers at once that the small server allows. */
const FEW_REQUESTS = 4;
const BUSY_CLIENTS = 20;

const LEAVINGS: readonly Leaving[] = ['unanswered', 'head', 'body'];

let place: Workplace;
let registry: TestRegistry;
let pushed: PushedImage;
let image: string;
let questions: Question[];
beforeAll(async () => {
  place = new Workplace();
  registry = await startRegistry();
  image = `${registry.host}/team/app:latest`;
  const other = `${registry.host}/team/app:other`;
  pushed = await pushImage(registry, 'team/app:latest', { layers: LAYERS.map(layerBytes) });
  await pushImage(registry, 'team/app:other', { layers: OTHER_LAYERS.map(layerBytes) });
  questions = questionsAbout(image, other, pushed);
});
afterAll(async () => {
  await registry?.stop();
  await place?.cleanUp();
});

const clients: Client[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Running extends Server {
  child: ChildProcess;
  output(): string;
}

async function serve(...args: string[]): Promise<Running> {
  const [command = '', ...first] = place.program;
  const words = [...first, 'serve', '--json', '--port', '0', ...args];
  const child = spawn(command, words, { env: place.env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  const printed = new Promise<Server>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
        const line = /^\{"address.*\}$/m.exec(output)?.[0];
        if (line !== undefined) resolve(JSON.parse(line) as Server);
      });
    }
    child.once('exit', (status) => reject(new Error(`ended with ${status}: ${output}`)));
  });
  return { ...(await printed), child, output: () => output };
}

function newClient(server: Server): Client {
  const client = new Client(server);
  clients.push(client);
  return client;
}

/** An answer that was compared with the source. */
type Expected = ReadonlyMap<Question, Answer>;

/** Asks each question alone, and the large file, and compares the answers with the source. */
async function expectedAnswers(server: Server, asked: readonly Question[]): Promise<Expected> {
  const client = newClient(server);
  const answers = new Map<Question, Answer>();
  const add = async (question: Question) => {
    const answer = await client.ask(question);
    expect([200, 206], `${question.name}: ${answer.body}`).toContain(answer.status);
    await question.check(answer);
    answers.set(question, answer);
    return answer;
  };
  for (const question of [...asked, largeFile(image)]) {
    const answer = await add(question);
    if (question.name === 'the first page') await add(nextPage(question, answer));
  }
  return answers;
}

/** What the clients of a load found. */
class Findings {
  readonly faults: string[] = [];
  readonly answered = new Map<Question, number>();

  constructor(private readonly expected: Expected) {}

  /** Compares an answer with the one that a client got alone. */
  async compare(question: Question, answer: Answer): Promise<void> {
    this.answered.set(question, (this.answered.get(question) ?? 0) + 1);
    const { status, headers, body } = this.expected.get(question)!;
    if (answer.status !== status) {
      this.faults.push(`${question.name}: ${answer.status} ${answer.body.toString('latin1', 0, 200)}`);
    } else if (question.isOfServer) {
      await question.check(answer);
    } else if (!answer.body.equals(body)) {
      this.faults.push(`${question.name}: ${answer.body.length} bytes, and not those that it has alone`);
    } else if (JSON.stringify(answer.headers) !== JSON.stringify(headers)) {
      this.faults.push(`${question.name}: headers ${JSON.stringify(answer.headers)}`);
    }
  }

  /** Fails if one of the answers was wrong, or a question had none. */
  check(asked: Iterable<Question>): void {
    expect(this.faults.slice(0, SHOWN_FAULTS)).toEqual([]);
    for (const question of asked) expect(this.answered.get(question), question.name).toBeGreaterThan(0);
  }
}

it('answers fifty clients of all kinds rightly, holds nothing afterwards, and ends without a trace', async () => {
  const server = await serve(image);
  const expected = await expectedAnswers(server, questions);
  const large = [...expected.keys()].find(({ name }) => name === 'the large file')!;
  const deck = [...expected.keys()].filter((question) => question !== large);
  const findings = new Findings(expected);
  const begun = performance.now();
  const isOver = () => performance.now() - begun > LOAD_MS;
  /** Asks by turns, from another question on for each client. */
  const asking = async (first: number) => {
    const client = newClient(server);
    for (let turn = first; turn === first || !isOver(); turn++) {
      const question = deck[turn % deck.length]!;
      await findings.compare(question, await client.ask(question));
    }
  };
  const leaving = async (first: number) => {
    const client = newClient(server);
    for (let turn = first; turn < first + LEAVINGS.length || !isOver(); turn++) {
      await client.leave(turn % 2 === 0 ? large : deck[turn % deck.length]!, LEAVINGS[turn % 3]!);
      const question = deck[(turn * 7) % deck.length]!;
      await findings.compare(question, await client.ask(question));
    }
  };
  const reading = async () => {
    await findings.compare(large, await newClient(server).askSlowly(large, isOver));
  };
  const asks = CLIENTS - LEAVING_CLIENTS - SLOW_CLIENTS;
  await Promise.all([
    ...Array.from({ length: asks }, (_, i) => asking(i)),
    ...Array.from({ length: LEAVING_CLIENTS }, (_, i) => leaving(i)),
    ...Array.from({ length: SLOW_CLIENTS }, reading),
  ]);
  findings.check(expected.keys());

  const last = newClient(server);
  await vi.waitFor(
    async () => {
      const metrics = (await last.ask({ target: '/metrics' })).body.toString();
      expect(metric(metrics, 'open_answers')).toBe(1); // this one
      expect(metric(metrics, 'index_passes')).toBe(0);
    },
    { timeout: 10_000 },
  );
  const metrics = (await last.ask({ target: '/metrics' })).body.toString();
  const statuses = [...metrics.matchAll(/^layerslayer_requests_total\{.*status="(\d+)"\}/gm)];
  expect(statuses.filter(([, status]) => !USUAL_STATUSES.has(status!)).map(([line]) => line)).toEqual([]);

  // It ends under load as well: some clients wait for an answer, and one reads slowly.
  const held = newClient(server).hold(large);
  await held;
  const cut = Array.from({ length: CLIENTS }, (_, i) =>
    newClient(server)
      .ask(deck[i % deck.length]!)
      .catch(() => undefined),
  );
  const ended = once(server.child, 'exit');
  server.child.kill('SIGTERM');
  expect(await ended).toEqual([143, null]);
  await Promise.all(cut);
  await place.allEnded();
  expect(readdirSync(place.temporary)).toEqual([]);
  for (const folder of ['tmp', 'locks']) expect(readdirSync(join(place.cache, 'v2', folder))).toEqual([]);
  expect(server.output().split('\n').slice(1).filter(Boolean)).toEqual([]); // no warning behind the address
});

it('refuses requests beyond --max-requests only, and answers them rightly when they come again', async () => {
  const server = await serve('--max-requests', String(FEW_REQUESTS), image);
  const few = questions.filter(({ target }) => /^\/api\/v1\/(stat|tree|file|image)/.test(target));
  const expected = await expectedAnswers(server, few);
  const large = [...expected.keys()].find(({ name }) => name === 'the large file')!;
  const deck = [...expected.keys()].filter((question) => question !== large);
  const findings = new Findings(expected);
  const held = await Promise.all(Array.from({ length: FEW_REQUESTS }, () => newClient(server).hold(large)));
  expect(held.map(({ status }) => status)).toEqual(held.map(() => 200));
  const busy = Array.from({ length: BUSY_CLIENTS }, () => newClient(server));
  const refused = await Promise.all(busy.map((client, i) => client.ask(deck[i % deck.length]!)));
  for (const { status, headers, body } of refused) {
    expect(status, body.toString('latin1', 0, 200)).toBe(429);
    expect(headers['retry-after']).toBe('1');
  }
  expect((await busy[0]!.ask({ target: '/healthz' })).status).toBe(200);

  for (const { resume } of held) await findings.compare(large, await resume());
  await Promise.all(
    busy.map(async (client, i) => {
      const question = deck[i % deck.length]!;
      let answer = refused[i]!;
      while (answer.status === 429) {
        const waitMs = Number(answer.headers['retry-after']) * 1000;
        await sleep(waitMs * (1 + i / BUSY_CLIENTS)); // not all at the same moment
        answer = await client.ask(question);
      }
      await findings.compare(question, answer);
    }),
  );
  findings.check([large, ...deck.slice(0, BUSY_CLIENTS)]);
});
