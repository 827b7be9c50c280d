import { z } from '@hono/zod-openapi';

const LAYER_PROGRESS = z.object({
  layer: z.number().int(),
  digest: z.string(),
  state: z.enum(['waiting', 'indexing', 'done']),
  doneBytes: z.number().openapi({ description: 'compressed' }),
  totalBytes: z.number(),
});

/** Of the making of an image's indexes. */
export const PROGRESS = z
  .object({
    queued: z.boolean().openapi({ description: 'passes of other images go first' }),
    layers: z.array(LAYER_PROGRESS),
  })
  .openapi('Progress');

/** Answer 202: the indexes are being made. */
export const PENDING = z.object({ progress: PROGRESS }).openapi('Pending');

export type ProgressRecord = z.output<typeof PROGRESS>;
