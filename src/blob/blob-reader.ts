import type { FilePart } from './file-part.js';

/**
 * A blob's bytes, wherever they live. Wrappers (paged, verified) implement the same interface, so that a reader
 * never knows how many of them stand between it and the registry.
 */
export interface BlobReader {
  /** Bytes of the whole blob, as its descriptor says. */
  readonly size: number;

  /**
   * Exactly the `length` bytes at `offset`; both lie inside the blob. The result may be a view of a shared buffer:
   * the caller does not write to it.
   * @param lent a buffer (PAGE_SIZE or longer) that the result may lie in: a reader of much that lends the same one again
   *   and again leaves no garbage behind. External memory is collected late: 64 MiB a thread without this (measured)
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, REGISTRY_UNAVAILABLE, TIMED_OUT, RATE_LIMITED, DIGEST_MISMATCH,
   *   IO_FAILED, ABORTED; never fewer bytes
   */
  read(offset: number, length: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array>;
}

/** A file on this machine in which a blob lies. */
export interface LocalBytes {
  path: string; // for messages
  /** @throws LayerslayerError NOT_FOUND, DIGEST_MISMATCH (another size), IO_FAILED */
  open(): Promise<FilePart>;
}

/** A blob that can also be streamed: the index pass and read-ahead take their bytes this way. */
export interface BlobSource extends BlobReader {
  /**
   * Hands out the bytes of `[offset, end)` in order. When `onChunk` returns a promise, nothing more is handed out
   * (and the transport is paused) until it resolves. A chunk is only valid until then. Interrupted transfers are
   * resumed behind this interface; what was handed out is never handed out again.
   */
  stream(
    offset: number,
    end: number,
    onChunk: (chunk: Uint8Array) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;

  /** The file that holds the blob, when that is on this machine: its pages are not kept a second time. */
  readonly local?: LocalBytes | undefined;

  /**
   * False once answers were found to begin at the first byte whatever range was asked: then many short ranges cost more
   * than a long one.
   */
  readonly servesRanges?: boolean;

  /** The bytes that came were wrong: the next ones are to come over another connection, where there are connections. */
  reconnect?(): void;
}
