import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Answers the requests of a node:http server. */
export type RequestListener = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

/**
 * Takes the requests of a connection one after the other. A client may send many at once
 * (pipelining), and each would begin its work. Behind one that ends the connection, nothing is
 * answered. (RFC 9112, 9.3.2, 9.6)
 */
export function inTurn(listener: RequestListener): RequestListener {
  const turns = new WeakMap<Socket, Promise<boolean>>(); // whether a next request is answered
  return async (incoming, outgoing) => {
    const { socket } = incoming;
    const answer = async () => {
      await listener(incoming, outgoing);
      return outgoing.shouldKeepAlive;
    };
    const before = turns.get(socket);
    const turn = before ? before.then((isKept) => isKept && !socket.destroyed && answer()) : answer();
    turns.set(socket, turn);
    await turn;
  };
}
