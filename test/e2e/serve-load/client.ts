import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server under load. */
export interface Server {
  address: string;
  token: string;
}

export interface Asked {
  target: string; // path and query
  headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string | undefined>>; // those that are compared
  body: Buffer;
}

/** When a client goes away. */
export type Leaving = 'unanswered' | 'head' | 'body';

const COMPARED_HEADERS = [
  'content-type',
  'content-range',
  'content-encoding',
  'etag',
  'retry-after',
  'layerslayer-verified',
];

/** Between two chunks that a slow client reads. */
const SLOW_MS = 15;

/** A client with one connection. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly server: Server) {}

  /** @throws when the connection breaks */
  async ask(asked: Asked): Promise<Answer> {
    return answerOf(await this.#begin(asked), () => undefined);
  }

  /** As `ask`, but reads little by little until `isOver` says otherwise. */
  async askSlowly(asked: Asked, isOver: () => boolean): Promise<Answer> {
    return answerOf(await this.#begin(asked), () => (isOver() ? undefined : sleep(SLOW_MS)));
  }

  /** Asks, and reads nothing but the head until `resume` is called. */
  async hold(asked: Asked): Promise<{ status: number; resume(): Promise<Answer> }> {
    const incoming = await this.#begin(asked);
    return { status: incoming.statusCode!, resume: () => answerOf(incoming, () => undefined) };
  }

  /** Asks, and closes the connection before the answer has ended. */
  async leave(asked: Asked, when: Leaving): Promise<void> {
    const outgoing = this.#request(asked);
    outgoing.once('error', () => {}); // it is destroyed below
    if (when === 'unanswered') {
      await once(outgoing, 'finish');
    } else {
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      incoming.once('error', () => {});
      if (when === 'body') await Promise.race([once(incoming, 'data'), once(incoming, 'end')]);
    }
    outgoing.destroy();
  }

  close(): void {
    this.#agent.destroy();
  }

  async #begin(asked: Asked): Promise<IncomingMessage> {
    const [incoming] = (await once(this.#request(asked), 'response')) as [IncomingMessage];
    return incoming;
  }

  #request({ target, headers }: Asked) {
    const Authorization = `Bearer ${this.server.token}`;
    const options = { agent: this.#agent, headers: { Authorization, ...headers } };
    return request(`${this.server.address}${target}`, options).end();
  }
}

/** @param pause after each chunk */
async function answerOf(incoming: IncomingMessage, pause: () => Promise<void> | undefined): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk as Buffer);
    const pausing = pause();
    if (pausing) await pausing;
  }
  const headers = COMPARED_HEADERS.map((name) => [name, incoming.headers[name] as string | undefined]);
  return {
    status: incoming.statusCode!,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks),
  };
}
