import { systemFault } from './system-fault.js';

/**
 * The one error class and its closed set of codes. A code is decided where the fault happens. Each
 * level above may add context with `withContext`. Codes become errno and exit status only at the
 * edges (`fuse/`, `cli/`).
 */

export const ERROR_CODES = [
  'INVALID_ARGUMENT',
  'INVALID_REFERENCE',
  'NOT_FOUND',
  'UNAUTHORIZED',
  'NO_MATCHING_PLATFORM',
  'REGISTRY_UNAVAILABLE',
  'TIMED_OUT',
  'RATE_LIMITED',
  'DIGEST_MISMATCH',
  'CORRUPT_LAYER',
  'UNSUPPORTED',
  'MOUNT_FAILED',
  'UNMOUNT_FAILED',
  'ABORTED',
  'INTERNAL',
  'IO_FAILED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * A fault with a code. The message names what was done, what came and what was wanted, on which
 * digest, offset or reference. It never contains credentials or the query string of a signed URL.
 */
export class LayerslayerError extends Error {
  override readonly name = 'LayerslayerError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Returns the error for input that is outside what this program reads, or past a limit. */
export function unsupported(message: string, options?: { cause?: unknown }): LayerslayerError {
  return new LayerslayerError('UNSUPPORTED', message, options);
}

/** An error as it crosses a thread or process border, where class identity is lost. */
export interface ErrorRecord {
  code: ErrorCode;
  message: string;
  stack?: string | undefined;
}

export function toErrorRecord(error: unknown): ErrorRecord {
  const known = asLayerslayerError(error);
  return { code: known.code, message: known.message, stack: known.stack };
}

export function fromErrorRecord(record: ErrorRecord): LayerslayerError {
  const error = new LayerslayerError(record.code, record.message);
  if (record.stack !== undefined) error.stack = record.stack;
  return error;
}

/**
 * Converts a thrown value to a LayerslayerError. An abort becomes ABORTED, a system error
 * IO_FAILED, and anything else INTERNAL, a fault in the program.
 */
export function asLayerslayerError(error: unknown): LayerslayerError {
  if (error instanceof LayerslayerError) return error;
  if (error instanceof Error && error.name === 'AbortError') {
    return new LayerslayerError('ABORTED', error.message, { cause: error });
  }
  const refused = systemFault(error);
  if (refused !== undefined) return new LayerslayerError('IO_FAILED', refused, { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  const fault = new LayerslayerError('INTERNAL', message, { cause: error });
  // The stack of the fault, not of this conversion.
  if (error instanceof Error && error.stack !== undefined) fault.stack = error.stack;
  return fault;
}

/** Returns the same fault with the caller's context: `context: message`. */
export function withContext(error: unknown, context: string): LayerslayerError {
  const known = asLayerslayerError(error);
  return new LayerslayerError(known.code, `${context}: ${known.message}`, { cause: known });
}

/** Returns the system error code (`ENOENT`, `ENOSPC` …) of a Node error, if it has one. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Returns whether a package is not installed. The codes of `import` and `require` differ. */
export function isMissingModule(error: unknown): boolean {
  return /^(ERR_)?MODULE_NOT_FOUND$/.test(systemCode(error) ?? '');
}
