/** What a server takes at most. Times are ms. */
export interface ServerLimits {
  /** Event streams are long and cheap: they have a limit of their own. */
  eventStreams: number;
  firstByteMs: number; // until an answer begins
  stallMs: number; // a client that reads nothing for so long is cut off
  headersMs: number; // for the headers of a request
  headersCheckMs: number; // how often that is checked
  idleMs: number; // a connection waits for its next request
  headSize: number; // bytes of a request's head, with its URL
  /** Connections of let-in clients that wait for a request, or send one. */
  idleConnections: number;
  /** Connections of clients that are not let in. A browser opens about six. */
  strangers: number;
  strangerMs: number; // lifetime of such a connection: one request and its answer
  /** Connections whose owner is being looked up: many may come during one look-up. */
  arrivingConnections: number;
  answerSize: number; // bytes of one answer
}

export const SERVER_LIMITS: ServerLimits = {
  eventStreams: 2_000,
  firstByteMs: 60_000,
  stallMs: 60_000,
  headersMs: 10_000,
  headersCheckMs: 2_000,
  idleMs: 15_000,
  headSize: 32 * 1024,
  idleConnections: 256,
  strangers: 256,
  strangerMs: 20_000,
  arrivingConnections: 1_024,
  answerSize: 64 * 1024 ** 3,
};
