import { z } from '@hono/zod-openapi';
import type { Route } from '../routing/route.js';
import { route } from '../routing/route.js';
import type { ServerState } from '../server-state.js';

const HEALTH = z.object({ status: z.literal('ok'), uptimeSeconds: z.number() }).openapi('Health');

export function healthRoutes({ startedMs }: ServerState): Route[] {
  return [
    route({
      path: '/healthz',
      summary: 'whether the server answers',
      query: z.strictObject({}),
      answers: {
        200: { description: 'it does', content: [{ mediaType: 'application/json', schema: HEALTH }] },
      },
      isStatic: true,
      handle() {
        const uptimeSeconds = Math.floor((Date.now() - startedMs) / 1000);
        return {
          kind: 'json',
          body: { status: 'ok', uptimeSeconds },
          headers: { 'Cache-Control': 'no-store' },
        };
      },
    }),
  ];
}
