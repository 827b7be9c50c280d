import { z } from '@hono/zod-openapi';
import { PROGRESS } from './progress.js';

/** The image that an event is about. */
export const EVENT_IMAGE = z.object({
  image: z.string().openapi({ description: 'the canonical reference' }),
  platform: z.string(),
});

const RESOLVED = EVENT_IMAGE.extend({
  digest: z.string().openapi({ description: 'of the manifest' }),
});

const ABOUT_PASS = RESOLVED.extend({
  layer: z.number().int().optional().openapi({ description: "of a pass for one layer's own tree" }),
});

/** A reference is being resolved. */
export const OPENING_EVENT = EVENT_IMAGE.openapi('OpeningEvent');

export const OPENED_EVENT = RESOLVED.extend({ layers: z.number().int() }).openapi('OpenedEvent');

/** Indexes are being made, or wait for their turn. */
export const PROGRESS_EVENT = ABOUT_PASS.extend(PROGRESS.shape).openapi('ProgressEvent');

export const INDEXED_EVENT = ABOUT_PASS.extend({
  entries: z.number().int().openapi({ description: 'of the layers' }),
}).openapi('IndexedEvent');

/** No client wanted the image any more. */
export const STOPPED_EVENT = ABOUT_PASS.partial({ digest: true }).openapi('StoppedEvent');

export const ERROR_EVENT = ABOUT_PASS.partial({ digest: true })
  .extend({
    code: z.string(),
    message: z.string(),
    requestId: z.string().optional().openapi({ description: 'in a stream of one image' }),
  })
  .openapi('ErrorEvent');

/** The data of each event, by its name. */
export const EVENTS = {
  opening: OPENING_EVENT,
  opened: OPENED_EVENT,
  progress: PROGRESS_EVENT,
  indexed: INDEXED_EVENT,
  stopped: STOPPED_EVENT,
  error: ERROR_EVENT,
} as const;
