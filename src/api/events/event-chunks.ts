import type { LatestEvent, LatestEvents } from './latest-events.js';

/** Between two comments that keep proxies from closing the connection. */
const KEEP_ALIVE_MS = 15_000;

/** Between two reports about the same subjects. */
const REPORT_MS = 200;

/** A line that clients ignore. (HTML, 9.2.6) */
const COMMENT = Buffer.from(':\n\n');

export interface EventChunksOptions {
  /** Events with higher ids are sent. */
  after: number;
  /** Returns an id as clients see it, and send it in Last-Event-ID. */
  idText(id: number): string;
  /** The stream ends after such an event. Default: it never ends. */
  isLast?(event: LatestEvent): boolean;
  signal: AbortSignal;
}

/**
 * Yields server-sent events, and comments while there are none. The next event is chosen when the
 * reader wants it. (HTML, 9.2.5)
 * @throws the signal's reason
 */
export async function* eventChunks(
  events: LatestEvents,
  { after, idText, isLast, signal }: EventChunksOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield COMMENT; // sends the head of the answer
  let sent = after;
  for (;;) {
    // Later events wait for the next report, in which each is the last one of its subject.
    const known = events.lastId;
    let isPassing = false;
    for (let next = events.next(sent); next && next.id <= known; next = events.next(sent)) {
      sent = next.id;
      isPassing ||= next.isPassing;
      yield Buffer.from(`id: ${idText(next.id)}\nevent: ${next.name}\ndata: ${next.text}\n\n`);
      if (isLast?.(next)) return;
    }
    if (isPassing) await events.changed({ ms: REPORT_MS, takesPassing: false, signal });
    if (events.next(sent)) continue;
    if (!(await events.changed({ ms: KEEP_ALIVE_MS, takesPassing: true, signal }))) yield COMMENT;
  }
}
