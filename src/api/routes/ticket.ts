import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../base/errors.js';
import { TICKET_MS } from '../access/tickets.js';
import { type Route, route } from '../routing/route.js';
import type { ServerState } from '../server-state.js';

const TICKET = z.object({ ticket: z.string(), expiresInSeconds: z.number() }).openapi('Ticket');

export function ticketRoutes({ tickets }: ServerState): Route[] {
  return [
    route({
      path: '/api/v1/ticket',
      summary: 'a ticket for one URL: links of downloads and pictures can send no token',
      query: z.strictObject({
        url: z.string().max(16_384).openapi({ description: 'path and query, as they will be asked for' }),
      }),
      answers: {
        200: { description: 'the ticket', content: [{ mediaType: 'application/json', schema: TICKET }] },
      },
      takesNoTicket: true, // one that makes tickets would be a token
      handle({ query: { url } }) {
        if (!url.startsWith('/') || /[\s#]/.test(url) || url.startsWith('/api/v1/ticket'))
          throw new LayerslayerError('INVALID_ARGUMENT', 'url is a path and its query: /api/v1/file?image=…');
        const body = { ticket: tickets.issue(url), expiresInSeconds: TICKET_MS / 1000 };
        return { kind: 'json', body, headers: { 'Cache-Control': 'no-store' } };
      },
    }),
  ];
}
