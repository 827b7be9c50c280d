import { z } from '@hono/zod-openapi';
import { LayerslayerError } from '../../../base/errors.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import { IMAGE_PARAMETERS, numberParameter } from '../../schemas/parameters.js';

/** A flag as FastAPI reads it: pydantic takes these words, in any case. */
const YES = ['1', 'true', 't', 'yes', 'y', 'on'];
const NO = ['0', 'false', 'f', 'no', 'n', 'off'];

/** A flag of the first tool; default: no. */
export const OLD_FLAG = z
  .string()
  .default('false')
  .transform((text) => text.toLowerCase())
  .refine((text) => YES.includes(text) || NO.includes(text), 'want true or false')
  .transform((text) => YES.includes(text))
  .openapi({ type: 'boolean', default: false });

/** Layers that an image may have. */
const LAYER_MAX = 9_999;

/** The number of a layer, from 0 as the first tool counted. */
export const OLD_LAYER = numberParameter(0, LAYER_MAX).openapi({ description: 'a layer, from 0' });

/** The image, and the platform that all routes of this server take. */
export const OLD_IMAGE = IMAGE_PARAMETERS;

/**
 * Returns the number from 1 of a layer that a client counts from 0.
 * @throws LayerslayerError NOT_FOUND if the image has no such layer
 */
export function layerNumber({ reference, manifest }: ResolvedImage, fromZero: number): number {
  const { length } = manifest.layers;
  if (fromZero < length) return fromZero + 1;
  const want = length === 0 ? 'it has none' : `want 0 to ${length - 1}`;
  throw new LayerslayerError('NOT_FOUND', `${reference} has no layer ${fromZero}: ${want}`);
}

/** The answer of routes that are text. */
export function textAnswer(description: string) {
  return { description, content: [{ mediaType: 'text/plain', schema: z.string() }] };
}
