import type { FileHandle } from 'node:fs/promises';

/**
 * A blob's bytes, wherever they are stored. Wrappers implement the same interface, so that a reader
 * never knows how many of them stand between it and the registry.
 */
export interface Blob {
  /** Bytes of the whole blob, as its descriptor says. */
  readonly size: number;

  /**
   * Returns exactly the `length` bytes at `offset`; both are inside the blob. The result may be a
   * view of a shared buffer: the caller does not write to it.
   * @param lent a buffer that the result may be put into. A caller that lends the same one again
   *   and again leaves no garbage: external memory is collected late, 64 MiB a thread without this
   *   (measured)
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, REGISTRY_UNAVAILABLE, TIMED_OUT,
   *   RATE_LIMITED, DIGEST_MISMATCH, IO_FAILED, ABORTED; never fewer bytes
   */
  read(offset: number, length: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array>;

  /**
   * Passes the bytes of `[offset, end)` to `onChunk` in order. If `onChunk` returns a promise, the
   * stream (and the transport) pauses until it resolves. A chunk is valid until then. The blob
   * resumes interrupted transfers itself and passes no byte twice.
   */
  stream(offset: number, end: number, onChunk: OnChunk, signal?: AbortSignal): Promise<void>;

  /** The file that holds the blob, if it is on this machine: its pages are not cached. */
  readonly local?: LocalBytes | undefined;

  /** False once an answer ignored its range: many short ranges then cost more than one long one. */
  readonly servesRanges?: boolean | undefined;

  /** Wrong bytes came: the next request uses another connection, if there are any. */
  reconnect?(): void;
}

export type OnChunk = (chunk: Uint8Array) => void | Promise<void>;

/** What `streamVerified` needs of a blob. */
export type StreamedBlob = Pick<Blob, 'size' | 'stream' | 'reconnect'>;

/** A file on this machine that contains a blob. */
export interface LocalBytes {
  path: string; // for messages
  /** @throws LayerslayerError NOT_FOUND, DIGEST_MISMATCH (another size), IO_FAILED */
  open(): Promise<FilePart>;
}

/** Bytes in an open file: all of it, or a member of an archive. */
export interface FilePart {
  file: FileHandle;
  start: number; // byte of the file
}

/** A blob in an open file. Plain data: threads of one process share its descriptors. */
export interface LocalRange {
  fd: number;
  start: number; // byte of the file
}

/** A blob for random access. */
export interface BlobReader extends Pick<Blob, 'size' | 'read'> {
  /** Announces that `[offset, end)` will likely be read. Returns at once; it reports no fault. */
  prefetch(offset: number, end: number): void;

  /**
   * Where a read from `offset` on should end: the bytes from there on are verified apart. Default:
   * anywhere.
   */
  verifiedEnd?(offset: number): number;
}

/**
 * Returns the bytes `[start, end)` of a blob. Unlike `Blob.read`, this has no deadline while bytes
 * come.
 * @throws LayerslayerError as `Blob.read`
 */
export async function readRange(
  blob: Pick<Blob, 'stream'>,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  const take = (part: Uint8Array) => {
    bytes.set(part, filled);
    filled += part.length;
  };
  if (end > start) await blob.stream(start, end, take, signal);
  return bytes;
}
