/** Bytes of one request. */
export const CHUNK_SIZE = 128 * 1024;

/** Chunks in memory: 8 MiB. */
const CHUNKS_MAX = 64;

/** Reads bytes of a file, as `getBytes` does. */
export type ReadRange = (
  range: { offset: number; length: number },
  signal: AbortSignal,
) => Promise<Uint8Array<ArrayBuffer>>;

/** A file of any size, read in chunks on demand. The chunks used last stay in memory. */
export class FileChunks {
  readonly #chunks = new Map<number, Uint8Array<ArrayBuffer>>(); // in the order of their last use
  readonly #pending = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();

  constructor(
    readonly size: number, // bytes
    private readonly read: ReadRange,
    private readonly signal: AbortSignal, // ends all requests
  ) {}

  /** Returns the chunk with the number, if it is in memory. */
  peek(number: number): Uint8Array<ArrayBuffer> | undefined {
    const chunk = this.#chunks.get(number);
    if (chunk === undefined) return undefined;
    this.#chunks.delete(number);
    this.#chunks.set(number, chunk);
    return chunk;
  }

  /** Returns the chunk with the number. May be repeated. @throws ApiError; AbortError */
  async load(number: number): Promise<Uint8Array<ArrayBuffer>> {
    const known = this.peek(number);
    if (known !== undefined) return known;
    let pending = this.#pending.get(number);
    if (pending === undefined) {
      pending = this.#request(number);
      this.#pending.set(number, pending);
    }
    return pending;
  }

  async #request(number: number): Promise<Uint8Array<ArrayBuffer>> {
    const offset = number * CHUNK_SIZE;
    const length = Math.min(CHUNK_SIZE, this.size - offset);
    try {
      const chunk = await this.read({ offset, length }, this.signal);
      this.#chunks.set(number, chunk);
      if (this.#chunks.size > CHUNKS_MAX) this.#chunks.delete(this.#chunks.keys().next().value!);
      return chunk;
    } finally {
      this.#pending.delete(number);
    }
  }
}
