import type { ServerResponse } from 'node:http';
import { z } from '@hono/zod-openapi';
import { faultRecord } from '../answers/http-status.js';
import { progressRecord } from '../answers/progress-record.js';
import type { PassProgress } from '../images/index-pass.js';
import type { ImageLease } from '../images/served-images.js';
import { type Call, type Route, route } from '../routing/route.js';
import { IMAGE_PARAMETERS } from '../schemas/parameters.js';
import type { ServerState } from '../server-state.js';

/** Between two comments that keep proxies from closing the connection. */
const KEEP_ALIVE_MS = 15_000;

/** Between two reports of one layer. */
const REPORT_MS = 200;

/** Bytes that may wait for a slow reader. Reports are dropped above: the next one says the same. */
const WAITING_MAX = 64 * 1024;

const EVENT = z
  .string()
  .openapi({ description: 'server-sent events: progress, indexed, error (HTML, 9.2); data is JSON' });

export function eventRoutes({ images, rules }: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/events',
      summary: 'the making of an image’s indexes, while it is under way; starts it, and keeps it going',
      query: z.strictObject(IMAGE_PARAMETERS),
      answers: {
        200: { description: 'events', content: [{ mediaType: 'text/event-stream', schema: EVENT }] },
      },
      isEventStream: true,
      async handle(call) {
        const lease = await images.open(rules.asked(call.query.image, call.query.platform), call.signal);
        if (call.isHead) lease.release();
        return { kind: 'taken', take: (outgoing) => void stream(outgoing, lease, call) };
      },
    }),
  ];
}

/** Writes events until the view is there, or the client goes away. */
async function stream(outgoing: ServerResponse, lease: ImageLease, call: Call): Promise<void> {
  outgoing.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': call.requestId,
  });
  if (call.isHead) {
    outgoing.end();
    return;
  }
  // A client that comes again has what was before this event; each event says all that is known.
  let id = Number(/^\d{1,15}$/.exec(call.header('last-event-id') ?? '0')?.[0] ?? 0);
  const send = (event: string, data: object) => {
    if (outgoing.writableLength > WAITING_MAX && event === 'progress') return;
    outgoing.write(`id: ${++id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const keepAlive = setInterval(() => outgoing.write(': \n\n'), KEEP_ALIVE_MS);
  let sentMs = Number.NEGATIVE_INFINITY;
  const listener = (progress: PassProgress) => {
    const isDone = progress.layers.some(({ state }) => state === 'done');
    if (!isDone && performance.now() - sentMs < REPORT_MS) return;
    sentMs = performance.now();
    send('progress', progressRecord(progress, lease.opened));
  };
  try {
    const view = await lease.pass.watch(listener, call.signal);
    const entries = view.layers.reduce((sum, layer) => sum + layer.entries.length, 0);
    send('indexed', { digest: lease.opened.resolved.digest, entries });
  } catch (error) {
    if (!call.signal.aborted) send('error', { ...faultRecord(error), requestId: call.requestId });
  } finally {
    clearInterval(keepAlive);
    lease.release();
    outgoing.end();
  }
}
