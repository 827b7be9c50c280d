import { LayerslayerError as Thrown } from '../base/errors.js';

/**
 * What kind of fault it is:
 *
 * - INVALID_ARGUMENT: an option is wrong, or a path leads to the wrong kind of file
 * - INVALID_REFERENCE: the image's name cannot be parsed
 * - NOT_FOUND: no such image, layer or file (ENOENT)
 * - UNAUTHORIZED: the registry wants credentials, or refuses these
 * - NO_MATCHING_PLATFORM: the image has no such platform
 * - REGISTRY_UNAVAILABLE, TIMED_OUT, RATE_LIMITED: the network or the registry; try again later
 * - DIGEST_MISMATCH: bytes that are not those of their digest
 * - CORRUPT_LAYER: a damaged layer
 * - UNSUPPORTED: a kind of image or layer that is not supported, or something past a limit
 * - MOUNT_FAILED, UNMOUNT_FAILED
 * - ABORTED: the signal was aborted (`cause` is its reason), or the image was closed
 * - IO_FAILED: a local file could not be read or written, or the system refused memory or a thread
 * - INTERNAL: a fault in layerslayer itself
 */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_REFERENCE'
  | 'NOT_FOUND'
  | 'UNAUTHORIZED'
  | 'NO_MATCHING_PLATFORM'
  | 'REGISTRY_UNAVAILABLE'
  | 'TIMED_OUT'
  | 'RATE_LIMITED'
  | 'DIGEST_MISMATCH'
  | 'CORRUPT_LAYER'
  | 'UNSUPPORTED'
  | 'MOUNT_FAILED'
  | 'UNMOUNT_FAILED'
  | 'ABORTED'
  | 'INTERNAL'
  | 'IO_FAILED';

/**
 * The one error that layerslayer throws. Its message never contains credentials or the query string
 * of a signed URL.
 */
export interface LayerslayerError extends Error {
  readonly name: 'LayerslayerError';
  readonly code: ErrorCode;
}

/** The class of all errors: `error instanceof LayerslayerError`. */
export const LayerslayerError: {
  new (code: ErrorCode, message: string, options?: { cause?: unknown }): LayerslayerError;
  readonly prototype: LayerslayerError;
} = Thrown;
