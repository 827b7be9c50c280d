import { z } from '@hono/zod-openapi';
import { ENTRY, PATH } from './entry.js';

const UNVERIFIED = z
  .literal(false)
  .optional()
  .openapi({ description: 'by an index that was not compared with its layer' });

/** An entry that `/find` found. */
export const FOUND = ENTRY.extend({
  image: z.object({
    reference: z.string(),
    digest: z.string().openapi({ description: 'of the manifest' }),
    platform: z.string(),
  }),
}).openapi('Found');

/** The last line of `/find`. */
const FIND_END = z
  .object({
    complete: z.boolean().openapi({ description: 'false: images of the cache have layers without an index' }),
    searched: z.number().int().openapi({ description: 'images' }),
    incomplete: z.number().int().openapi({ description: 'images that were not searched' }),
    found: z.number().int().openapi({ description: 'lines before this one' }),
  })
  .openapi('FindEnd');

/** A line of `/find`. */
export const FIND_LINE = z.union([FOUND, FIND_END]);

/** A line of `/du`. */
export const USAGE = PATH.extend({
  layer: z
    .number()
    .int()
    .optional()
    .openapi({ description: 'from which the bytes are; absent unless layers or hidden' }),
  hiddenBy: z.number().int().optional().openapi({ description: 'with hidden: the layer that hides them' }),
  how: z.enum(['whiteout', 'opaque', 'replaced']).optional(),
  addedBy: z.string().optional().openapi({ description: 'the build step of `layer`' }),
  removedBy: z.string().optional().openapi({ description: 'the build step of `hiddenBy`' }),
  bytes: z.number().openapi({ description: 'of files at and below the path, each inode once' }),
  entries: z.number().int().openapi({ description: 'inodes, those of directories too' }),
  verified: UNVERIFIED,
}).openapi('Usage');

/** The last line of `/du`. */
const USAGE_TOTAL = z
  .object({
    total: z.object({
      bytes: z.number(),
      entries: z.number().int(),
      layerBytes: z.number().openapi({ description: 'of all files in the layers, uncompressed' }),
      percent: z.number().openapi({ description: 'bytes of layerBytes' }),
    }),
    verified: UNVERIFIED,
  })
  .openapi('UsageTotal');

/** A line of `/du`. With hidden and depth=0 they are the sums by layer. */
export const USAGE_LINE = z.union([USAGE, USAGE_TOTAL]);

/** One side of a difference. */
const SIDE = ENTRY.omit({ path: true, pathBase64: true, state: true, hiddenBy: true, how: true }).extend({
  xattrs: z
    .array(z.object({ name: z.string(), nameBase64: z.string().optional(), valueBase64: z.string() }))
    .optional()
    .openapi({ description: 'if they differ' }),
});

const CHANGE = z.enum(['added', 'removed', 'changed', 'error']);

/** A path that differs. `from` is `image`, `to` is `other`. */
const DIFFERENCE = PATH.extend({
  change: CHANGE,
  fields: z.array(z.string()).openapi({ description: 'what differs: kind, mode, owner, size, content …' }),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  verified: UNVERIFIED,
  from: SIDE.nullable(),
  to: SIDE.nullable(),
  content: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('text'), diff: z.string().openapi({ description: 'unified' }) }),
      z.object({ kind: z.enum(['binary', 'large']) }),
    ])
    .optional()
    .openapi({ description: 'with content=1, of a file whose contents differ' }),
}).openapi('Difference');

/** A field of the configs, or a build step, that differs. They come first. */
const CONFIG_DIFFERENCE = z
  .object({
    path: z.null(),
    change: CHANGE,
    fields: z.array(z.string()).openapi({ description: 'config or step' }),
    config: z.string().optional().openapi({ description: 'the field of the config' }),
    key: z.string().optional(),
    step: z.number().int().optional(),
    from: z.unknown(),
    to: z.unknown(),
  })
  .openapi('ConfigDifference');

/** The last line of `/diff`. */
const DIFFERENCE_TOTAL = z
  .object({
    total: z.object({
      added: z.number().int(),
      removed: z.number().int(),
      changed: z.number().int(),
      errors: z.number().int().openapi({ description: 'files that could not be compared' }),
    }),
  })
  .openapi('DifferenceTotal');

/** A line of `/diff`. */
export const DIFFERENCE_LINE = z.union([DIFFERENCE, CONFIG_DIFFERENCE, DIFFERENCE_TOTAL]);

/** Answer of `/tags`. */
export const TAGS = z.array(z.string()).openapi('Tags');

/** Answer of `/referrers`: what refers to the image, such as signatures and SBOMs. */
export const REFERRERS = z
  .array(
    z.object({
      subject: z.string().openapi({ description: 'digest of the manifest, or of the image index it is in' }),
      mediaType: z.string(),
      digest: z.string(),
      size: z.number(),
      artifactType: z.string().optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    }),
  )
  .openapi('Referrers');

export type FoundRecord = z.output<typeof FOUND>;
export type FindEndRecord = z.output<typeof FIND_END>;
export type UsageRecord = z.output<typeof USAGE>;
export type UsageTotalRecord = z.output<typeof USAGE_TOTAL>;
export type DifferenceRecord = z.output<typeof DIFFERENCE>;
export type ConfigDifferenceRecord = z.output<typeof CONFIG_DIFFERENCE>;
export type DifferenceTotalRecord = z.output<typeof DIFFERENCE_TOTAL>;
