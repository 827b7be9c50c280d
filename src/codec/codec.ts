/**
 * The contract of a compression format. A codec does no I/O: callers push compressed bytes and take
 * the output. To add one: a folder with its `Codec`, one line in the table of `codecs.ts`, one line
 * in `test/codec/codecs.test.ts`.
 */
export interface Codec {
  /** Names the format in messages and index files: at most 16 of a-z, 0-9, -. */
  readonly name: string;
  /** Output bytes are the input bytes. Readers then copy them without a cursor. */
  readonly isIdentity?: true;
  /** A cursor takes 10 MiB and more. Readers then share fewer of them. */
  readonly hasLargeCursors?: true;
  /**
   * States that an index deflates together, 1 to 64. More make the index smaller and the pass
   * faster, as each deflater costs a start. But a reader of one state inflates the group up to it.
   * Not needed if the scanner reports no checkpoints.
   */
  readonly statesPerGroup?: number;

  /**
   * Returns a decoder of a whole blob, from its first byte.
   * @param spanSize output bytes between checkpoints at least; default: the codec's own choice
   */
  scanner(observer: ScanObserver, spanSize?: number): Scanner;

  /** Returns a decoder of parts of blobs, for one reader at a time. */
  cursor(): Cursor;

  /**
   * Returns the checkpoint at, or shortly before, any output offset. Only codecs that can resume
   * anywhere have it. Their scanners report no checkpoints, and an index stores none.
   */
  checkpointAt?(outOffset: number): Checkpoint;

  /** Returns a checkpoint that another tool made with zlib. Only gzip has it. */
  checkpointWithWindow?(position: WindowedPosition): Checkpoint;
}

/** A position before a deflate block, with its whole window. (zlib's zran.c: an access point) */
export interface WindowedPosition {
  inOffset: number; // bytes of compressed input
  bits: number; // 0 to 7 high bits of the byte before inOffset, which come first
  outOffset: number; // bytes of uncompressed output
  window: Uint8Array; // the bytes before outOffset: 32 KiB, or all of a shorter output
}

/** A position at which a cursor can start. */
export interface Checkpoint {
  inOffset: number; // compressed bytes before it; it may share the last one, see Cursor.inputOffset
  outOffset: number; // uncompressed bytes before it
  /** What the codec needs to start here, in its own form. Empty: nothing, as at the first byte. */
  state: Uint8Array;
}

/** Every blob begins here, whatever its codec. */
export const BLOB_START: Checkpoint = { inOffset: 0, outOffset: 0, state: new Uint8Array(0) };

/** Receives the results of a scan. An exception thrown here ends the scan. */
export interface ScanObserver {
  /**
   * Uncompressed bytes `[start, end)` of `memory`, in order, at most 256 KiB. They are valid until
   * the call returns. (Offsets, not a view: the tar scan needs none.)
   */
  onOutput(memory: Uint8Array, start: number, end: number): void;
  /** Checkpoints, ascending, the first at BLOB_START. Each may come long after its offset. */
  onCheckpoint(checkpoint: Checkpoint): void;
}

export interface Scanner {
  /** Bytes that it uses, if they are many. They are free once the scanner is garbage. */
  readonly memorySize?: number;
  /**
   * Decodes the next compressed bytes, any number of them. The caller may reuse them afterwards.
   * @throws LayerslayerError CORRUPT_LAYER, naming compressed and uncompressed offset
   */
  push(bytes: Uint8Array): void;
  /**
   * Ends the blob.
   * @throws LayerslayerError CORRUPT_LAYER if it is cut short
   */
  finish(): void;
}

/**
 * Random access: starts at a checkpoint and decodes on from there, to the end of the blob if asked.
 * Checksums of the format are not verified, because they cover skipped bytes. The caller verifies
 * the compressed bytes.
 *
 * A state may hold only to the next checkpoint. There `read` and `skip` return 0 and `mustSeek` is
 * set: the caller then seeks to the last checkpoint at or before `outOffset`. That is the next one,
 * at `outOffset` itself. If it is damaged, one with an empty state before it does, such as
 * BLOB_START: a cursor that started there needs no other checkpoint.
 */
export interface Cursor {
  /** Moves to a checkpoint from any position, also after an error. */
  seek(checkpoint: Checkpoint): void;
  /** Offset of the compressed byte to push next. After `seek`: inOffset, or a byte before it. */
  readonly inputOffset: number;
  /** Offset of the uncompressed byte that `read` returns next. */
  readonly outOffset: number;
  /** All bytes were read. Known only after a `read` or `skip` that returned 0. */
  readonly ended: boolean;
  /** The checkpoint's state held to `outOffset`: nothing can be read before the next `seek`. */
  readonly mustSeek: boolean;
  /** Bytes that the cursor takes. */
  readonly memorySize: number;
  /**
   * Supplies compressed bytes from inputOffset on. They stay unchanged until they are used up.
   * @param final the blob ends with these bytes; only valid if all of them are taken
   * @returns how many were taken; push the rest again after a `read`
   */
  push(bytes: Uint8Array, final: boolean): number;
  /**
   * Fills `target` from its start, as far as the compressed bytes go.
   * @returns bytes read; 0 if more compressed bytes or a `seek` are needed, or at the end
   * @throws LayerslayerError CORRUPT_LAYER, naming compressed and uncompressed offset
   */
  read(target: Uint8Array): number;
  /** Skips at most `length` bytes. Returns and throws as `read`. */
  skip(length: number): number;
}
