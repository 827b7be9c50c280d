import { z } from '@hono/zod-openapi';

const STEP = z.object({
  created: z.string().optional(),
  createdBy: z.string().optional(),
  comment: z.string().optional(),
  author: z.string().optional(),
  emptyLayer: z.boolean(),
  layer: z.number().int().optional().openapi({ description: 'that the step made, from 1' }),
});

const LAYER = z.object({
  number: z.number().int().openapi({ description: 'from 1, base first' }),
  digest: z.string(),
  diffId: z.string().optional(),
  mediaType: z.string(),
  size: z.number().openapi({ description: 'compressed bytes' }),
  indexed: z.boolean(),
  entries: z.number().int().optional().openapi({ description: 'if it is indexed' }),
  step: z.string().optional().openapi({ description: 'the build step that made it' }),
});

/** Answer of `/image`. */
export const IMAGE = z
  .object({
    reference: z.string(),
    digest: z.string().openapi({ description: 'of the manifest' }),
    indexDigest: z.string().optional().openapi({ description: 'of the image index, if it is in one' }),
    platform: z.string(),
    platforms: z.array(z.object({ platform: z.string(), digest: z.string(), size: z.number() })),
    config: z.record(z.string(), z.unknown()),
    steps: z.array(STEP),
    layers: z.array(LAYER),
  })
  .openapi('Image');

export type ImageRecord = z.output<typeof IMAGE>;
export type LayerRecord = ImageRecord['layers'][number];
