import { z } from '@hono/zod-openapi';

/** Answer of `/mounts`: as `mounts --json`. What only a live daemon knows may be missing. */
export const MOUNTS = z
  .array(
    z.object({
      mountpoint: z.string(),
      image: z.string(),
      state: z.enum(['live', 'no-answer', 'dead']),
      digest: z.string().optional(),
      platform: z.string().optional(),
      pid: z.number().int().optional(),
      log: z.string().optional(),
      since: z.string().optional(),
      bytesFetched: z.number().optional(),
      bytesServed: z.number().optional(),
      cacheHits: z.number().optional(),
      cacheMisses: z.number().optional(),
      verified: z.boolean().optional(),
      verification: z.enum(['none', 'running', 'done', 'failed', 'refuted']).optional(),
    }),
  )
  .openapi('Mounts');

/** Answer of `/images`: the images of this cache, the one used last first. */
export const IMAGES = z
  .array(
    z.object({
      reference: z.string(),
      digest: z.string().openapi({ description: 'of the manifest that it stood for last' }),
      platform: z.string(),
      layers: z.number().int(),
      indexedLayers: z.number().int().openapi({ description: 'of them' }),
      lastUsed: z.string().openapi({ description: 'ISO 8601, UTC, to the minute' }),
    }),
  )
  .openapi('Images');
