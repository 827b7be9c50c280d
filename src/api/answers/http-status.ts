import { asLayerslayerError, type ErrorCode } from '../../base/errors.js';

/** Codes of what only a server refuses. */
export type HttpCode =
  | 'TOKEN_REQUIRED'
  | 'FORBIDDEN'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_ACCEPTABLE'
  | 'RANGE_NOT_SATISFIABLE'
  | 'BUSY';

/** The status of each code. 401 is only this server's token: the registry's refusal is 403. */
export const HTTP_STATUS = {
  INVALID_ARGUMENT: 400,
  INVALID_REFERENCE: 400,
  NOT_FOUND: 404,
  UNAUTHORIZED: 403,
  NO_MATCHING_PLATFORM: 422,
  REGISTRY_UNAVAILABLE: 502,
  TIMED_OUT: 504,
  RATE_LIMITED: 429,
  DIGEST_MISMATCH: 502,
  CORRUPT_LAYER: 502,
  UNSUPPORTED: 422,
  MOUNT_FAILED: 409,
  UNMOUNT_FAILED: 409,
  ABORTED: 499, // nginx's: the client went away
  INTERNAL: 500,
  IO_FAILED: 500,
  TOKEN_REQUIRED: 401,
  FORBIDDEN: 403,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  RANGE_NOT_SATISFIABLE: 416,
  BUSY: 429,
} as const satisfies Record<ErrorCode | HttpCode, number>;

/** A request that the server refuses by itself. */
export class HttpFault extends Error {
  override readonly name = 'HttpFault';

  /** @param headers of the answer, such as Retry-After */
  constructor(
    readonly code: HttpCode,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** What an answer says of a fault. */
export interface FaultRecord {
  code: ErrorCode | HttpCode;
  message: string;
}

/** Returns code and message for a client. A fault of the program gives no details away. */
export function faultRecord(error: unknown): FaultRecord {
  if (error instanceof HttpFault) return { code: error.code, message: error.message };
  const { code, message } = asLayerslayerError(error);
  return { code, message: code === 'INTERNAL' ? 'a fault in layerslayer itself: see its log' : message };
}
