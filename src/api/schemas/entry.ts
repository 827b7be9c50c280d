import { z } from '@hono/zod-openapi';

/** An entry of a layer, where it stands in the image, and what hides it. */
export const ENTRY = z
  .object({
    layer: z.number().int().openapi({ description: 'from 1; 0: the root of an image without layers' }),
    layerDigest: z.string().optional(),
    state: z.enum(['live', 'deleted', 'overridden']),
    hiddenBy: z.number().int().optional().openapi({ description: 'the layer that hides it' }),
    how: z.enum(['whiteout', 'opaque', 'replaced']).optional(),
    verified: z
      .literal(false)
      .optional()
      .openapi({ description: 'by an index that was not compared with its layer' }),
    path: z.string(),
    pathBase64: z.string().optional().openapi({ description: 'the bytes of a path that is not UTF-8' }),
    kind: z.enum(['file', 'dir', 'symlink', 'hardlink', 'char', 'block', 'fifo']),
    mode: z.string().openapi({ example: '0644' }),
    uid: z.number().int(),
    gid: z.number().int(),
    size: z.number().openapi({ description: 'bytes; 0 unless it is a file' }),
    mtime: z.number().openapi({ description: 'seconds since 1970' }),
    mtimeNanoseconds: z.number().int().optional(),
    target: z.string().optional().openapi({ description: 'of a link' }),
    targetBase64: z.string().optional(),
    device: z.tuple([z.number().int(), z.number().int()]).optional(),
    implied: z
      .literal(true)
      .optional()
      .openapi({ description: 'of a directory that no entry names: mode, owner and time are defaults' }),
  })
  .openapi('Entry');

/** An entry of a listing. A directory has what is below it. */
export const LISTED_ENTRY = ENTRY.extend({
  bytes: z
    .number()
    .optional()
    .openapi({ description: 'of a directory: of all files below, each inode once' }),
  entries: z.number().int().optional().openapi({ description: 'of a directory: names below' }),
  layers: z
    .array(z.number().int())
    .optional()
    .openapi({ description: 'of a directory: layers that files below come from' }),
}).openapi('ListedEntry');

/** Answer of `/tree` as JSON. */
export const TREE_PAGE = z
  .object({
    digest: z.string().openapi({ description: 'of the manifest' }),
    entries: z.array(LISTED_ENTRY),
    next: z.string().optional().openapi({ description: '`after` of the next page; absent after the last' }),
  })
  .openapi('TreePage');

/** A path in an image. */
export const PATH = z.object({
  path: z.string(),
  pathBase64: z.string().optional().openapi({ description: 'the bytes of a path that is not UTF-8' }),
});

/** What one layer did to a path. */
const VERSION = z.object({
  layer: z.number().int(),
  layerDigest: z.string(),
  change: z.enum(['added', 'changed', 'removed']),
  step: z.string().optional().openapi({ description: 'the build step that made the layer' }),
  entry: ENTRY.optional().openapi({ description: 'absent if the layer removed it' }),
});

/** Answer of `/stat`. */
export const STAT = z
  .object({
    digest: z.string().openapi({ description: 'of the manifest' }),
    entry: LISTED_ENTRY.openapi({ description: 'of a path that no layer shows any more: the last one' }),
    step: z.string().optional().openapi({ description: 'the build step that the entry comes from' }),
    hiddenStep: z
      .string()
      .optional()
      .openapi({ description: 'the build step that hides it; absent if nothing does' }),
    leadsTo: PATH.extend({ kind: ENTRY.shape.kind })
      .optional()
      .openapi({ description: 'where a symlink ends; absent if nowhere' }),
    nlink: z.number().int().openapi({ description: 'names of the inode in the image; 0: hidden' }),
    names: z.array(PATH).openapi({ description: 'other names of the inode, 100 at most' }),
    hides: z
      .array(ENTRY)
      .openapi({ description: 'older entries of this path that upper layers hide, the last one first' }),
    versions: z.array(VERSION).openapi({ description: 'through the layers, base first' }),
  })
  .openapi('Stat');

/** Answer of `/stat` with missing=1 where nothing is. */
export const MISSING = z
  .object({
    digest: z.string().openapi({ description: 'of the manifest' }),
    missing: z.literal(true),
  })
  .openapi('Missing');

export type EntryRecord = z.output<typeof ENTRY>;
export type ListedEntryRecord = z.output<typeof LISTED_ENTRY>;
export type TreePageRecord = z.output<typeof TREE_PAGE>;
export type StatRecord = z.output<typeof STAT>;
export type MissingRecord = z.output<typeof MISSING>;
