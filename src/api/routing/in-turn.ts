import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Answers the requests of a node:http server. */
export type RequestListener = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

/** Requests of a connection that wait for their turns. A connection with more is cut. */
const WAITING_MAX = 100;

/**
 * Takes the requests of a connection one after the other. A client may send many at once
 * (pipelining), and each would begin its work, and have its answer in memory. Behind one that ends
 * the connection, nothing is answered. (RFC 9112, 9.3.2, 9.6)
 */
export function inTurn(listener: RequestListener): RequestListener {
  const connections = new WeakMap<Socket, ConnectionTurns>();
  return async (incoming, outgoing) => {
    const { socket } = incoming;
    let turns = connections.get(socket);
    if (!turns) {
      turns = new ConnectionTurns(socket);
      connections.set(socket, turns);
    }
    await turns.next(outgoing, () => listener(incoming, outgoing));
  };
}

/** The requests of one connection. */
class ConnectionTurns {
  /** The last request: its answer, and whether a next one is answered. */
  #last: { outgoing: ServerResponse; isKept: Promise<boolean> } | undefined;
  #waiting = 0;

  constructor(private readonly socket: Socket) {}

  async next(outgoing: ServerResponse, listener: () => Promise<void>): Promise<void> {
    const answer = async () => {
      await listener();
      return outgoing.shouldKeepAlive;
    };
    const isKept = this.#last ? this.#after(this.#last, answer) : answer();
    this.#last = { outgoing, isKept };
    await isKept;
  }

  async #after(
    before: { outgoing: ServerResponse; isKept: Promise<boolean> },
    answer: () => Promise<boolean>,
  ): Promise<boolean> {
    // node:http reads on while nothing is answered: the client could fill the memory with requests.
    if (++this.#waiting > WAITING_MAX) this.socket.destroy();
    const isKept = await before.isKept;
    if (isKept) await this.#taken(before.outgoing);
    this.#waiting--;
    return isKept && !this.socket.destroyed && (await answer());
  }

  /** Resolves when the system has taken an answer, or never will. */
  async #taken(outgoing: ServerResponse): Promise<void> {
    const { socket } = this;
    if (outgoing.closed || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        outgoing.off('close', end);
        socket.off('close', end);
        resolve();
      };
      outgoing.once('close', end);
      socket.once('close', end);
    });
  }
}
