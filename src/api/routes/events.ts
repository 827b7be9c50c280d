import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { eventChunks } from '../events/event-chunks.js';
import { passEvent } from '../events/image-events.js';
import { LatestEvents } from '../events/latest-events.js';
import type { PassChange } from '../images/index-pass.js';
import type { AskedImage, ImageLease } from '../images/served-images.js';
import { type Call, type Chunks, type Headers, type Reply, type Route, route } from '../routing/route.js';
import { EVENTS } from '../schemas/events.js';
import { IMAGE_PARAMETERS } from '../schemas/parameters.js';
import type { ServerState } from '../server-state.js';
import { checkShowsLocal } from './local.js';

const QUERY = z.strictObject({
  image: IMAGE_PARAMETERS.image.optional().openapi({ description: 'default: all images of the server' }),
  platform: IMAGE_PARAMETERS.platform,
});

const EVENT = z.union(Object.values(EVENTS)).openapi({
  description: `server-sent events (HTML, 9.2): ${Object.keys(EVENTS).join(', ')}; the schema is of their data`,
});

const HEADERS: Headers = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
};

export function eventRoutes(state: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/events',
      summary:
        'progress of the indexing of an image, which it starts and keeps going. ' +
        'Without image: what happens to all images that clients ask for; starts nothing',
      query: QUERY,
      answers: {
        200: { description: 'events', content: [{ mediaType: 'text/event-stream', schema: EVENT }] },
      },
      isEventStream: true,
      async handle(call) {
        const { query, signal } = call;
        if (query.image === undefined) return allImages(state, call);
        const asked = state.rules.asked(query.image, query.platform);
        const lease = await state.images.open(asked, signal);
        call.afterwards(() => lease.release());
        return reply(oneImage(asked, lease, call));
      },
    }),
  ];
}

/** @throws HttpFault FORBIDDEN; LayerslayerError INVALID_ARGUMENT */
function allImages(state: ServerState, call: Call<z.output<typeof QUERY>>): Reply {
  checkShowsLocal(state);
  if (call.query.platform !== undefined)
    throw new LayerslayerError('INVALID_ARGUMENT', 'platform needs image');
  const { events } = state.images;
  const after = events.idOf(call.header('last-event-id'));
  const idText = (id: number) => events.idText(id);
  return reply(eventChunks(events.latest, { after, idText, signal: call.signal }));
}

function reply(bytes: Chunks): Reply {
  return { kind: 'bytes', headers: HEADERS, length: undefined, bytes };
}

/** Yields events until the view is there, or the client goes away. */
async function* oneImage(
  asked: AskedImage,
  { pass, opened }: ImageLease,
  { header, signal, requestId }: Call,
): AsyncGenerator<Uint8Array, void, undefined> {
  // A client that reconnects has this event and those before. Each event says all that is known.
  const after = Number(/^\d{1,15}$/.exec(header('last-event-id') ?? '')?.[0] ?? 0);
  const events = new LatestEvents(1, after);
  const publish = (change: PassChange) =>
    events.publish('pass', passEvent(asked, { opened, layer: 0 }, change));
  pass
    .watch((progress) => publish({ kind: 'progress', progress }), signal)
    .then(
      ({ layers }) => publish({ kind: 'indexed', layers }),
      (error) => {
        const { data, ...event } = passEvent(asked, { opened, layer: 0 }, { kind: 'failed', error });
        events.publish('pass', { ...event, data: () => ({ ...data(), requestId }) });
      },
    );
  const isLast = ({ isPassing }: { isPassing: boolean }) => !isPassing;
  yield* eventChunks(events, { after, idText: String, isLast, signal });
}
