import { z } from '@hono/zod-openapi';
import { ENTRY } from './entry.js';

/** A line of `/find`. */
export const FOUND = ENTRY.extend({
  image: z.string().openapi({ description: 'its reference' }),
  digest: z.string().openapi({ description: 'of the manifest' }),
  platform: z.string(),
}).openapi('Found');

/** A line of `/du`. */
export const USAGE = z
  .object({
    path: z.string(),
    pathBase64: z.string().optional(),
    layer: z.number().int().optional(),
    bytes: z.number(),
    entries: z.number().int(),
  })
  .openapi('Usage');

/** A line of `/tags`. */
export const TAGS = z.array(z.string()).openapi('Tags');
