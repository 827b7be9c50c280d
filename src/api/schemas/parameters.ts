import { z } from '@hono/zod-openapi';

/** Parameters that many routes have. They mean what the commands' options mean. */
export const IMAGE_PARAMETERS = {
  image: z.string().min(1).max(4096).openapi({ description: 'a reference', example: 'nginx:alpine' }),
  platform: z
    .string()
    .max(256)
    .optional()
    .openapi({ description: '[OS/]ARCH[/VARIANT]; default: linux and the architecture of the server' }),
};

/** Bytes of the longest path: `PATH_MAX` of Linux. */
const PATH_MAX = 4096;

export const PATH_PARAMETER = z
  .string()
  .max(PATH_MAX)
  .openapi({ description: 'a path in the image, percent-encoded bytes', example: '/etc/os-release' });

/** A number from 1, or a digest, or its beginning. */
export const LAYER_PARAMETER = z
  .string()
  .max(128)
  .optional()
  .openapi({ description: "one layer's own tree: its number from 1, its digest, or the start of that" });

/** Returns a number in a range, as the query has it. */
export function numberParameter(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, 'want a number')
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .openapi({ type: 'integer', minimum: min, maximum: max });
}

/** `1`, `true` or an empty value is yes. */
export const FLAG_PARAMETER = z
  .enum(['', '1', 'true', '0', 'false'])
  .optional()
  .transform((text) => text === '' || text === '1' || text === 'true')
  .openapi({ type: 'boolean' });

/** The order of a listing. */
export const SORT_PARAMETER = z
  .enum(['name', 'size'])
  .default('name')
  .openapi({ description: 'size: the largest first' });

/** How long to wait for indexes that are being made. */
export const WAIT_PARAMETER = numberParameter(0, 30)
  .optional()
  .openapi({ description: 'seconds until 202; default 30' });
