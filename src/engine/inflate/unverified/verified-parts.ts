import { garbageMade } from '../../../base/process/garbage.js';

/** Bytes of cached parts of a thread. One longer part is cached alone. */
const CACHED_BYTES = 16 * 1024 * 1024;
/** A part at most, and all those that are being made at once. */
export const MAX_PART_SIZE = 64 * 1024 * 1024;
/** Buffers are multiples of this, so that more of them fit again. */
const BUFFER_UNIT = 4096;

/**
 * Makes a part.
 * @param room returns a buffer of `size` bytes with any content, once there is memory for it
 * @returns the verified bytes, in that buffer or the one that its memory has moved to
 */
export type MakePart = (
  room: (size: number) => Promise<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
) => Promise<Uint8Array<ArrayBuffer>>;

/** Copies what a reader needs. The bytes are valid until it returns: their buffer is used again. */
export type UsePart = (bytes: Uint8Array) => void;

interface Waiter {
  use: UsePart;
  resolve(): void;
  reject(error: unknown): void;
}

/** A part that is being made, and the readers that wait for it. */
interface Flight {
  waiters: Set<Waiter>;
  stop: AbortController; // aborted when the last of them leaves
  room: number; // bytes of its buffer, 0 before it has one
}

/**
 * Verified stretches of bytes of one thread's layers, whose digest covers more than a read needs:
 * chunks of tables and spans. Each is made once for all readers that wait for it, and cached.
 */
export class VerifiedParts {
  /** Least recently used first. */
  readonly #cached = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #flights = new Map<string, Flight>();
  readonly #queue: (() => void)[] = []; // flights that wait for memory
  #cachedBytes = 0;
  #makingBytes = 0;

  /** Bytes of all buffers: about MAX_PART_SIZE at most. */
  get bytes(): number {
    return this.#cachedBytes + this.#makingBytes;
  }

  /**
   * Passes a part to `use`, at once if it is cached. `make` makes it otherwise, unless a reader
   * waits for it already.
   * @param key names the content: the same key, the same bytes
   * @throws what `make` throws; the signal's reason, while others may still wait
   */
  async use(key: string, make: MakePart, use: UsePart, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    // atomic: no await until the reader is a waiter
    const cached = this.#cached.get(key);
    if (cached) {
      this.#cached.delete(key);
      this.#cached.set(key, cached);
      use(cached);
      return;
    }
    const flight = this.#flights.get(key) ?? this.#begin(key, make);
    let onAbort = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter: Waiter = { use, resolve, reject };
        flight.waiters.add(waiter);
        onAbort = () => {
          reject(signal?.reason);
          this.#leave(key, flight, waiter, signal?.reason);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The last waiter that leaves ends the flight. */
  #leave(key: string, flight: Flight, waiter: Waiter, reason: unknown): void {
    flight.waiters.delete(waiter);
    if (flight.waiters.size > 0) return;
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    flight.stop.abort(reason);
    this.#wake();
  }

  #begin(key: string, make: MakePart): Flight {
    const flight: Flight = { waiters: new Set(), stop: new AbortController(), room: 0 };
    this.#flights.set(key, flight);
    void this.#make(key, make, flight);
    return flight;
  }

  /** Never rejects: faults go to the waiters. */
  async #make(key: string, make: MakePart, flight: Flight): Promise<void> {
    const { signal } = flight.stop;
    try {
      const bytes = await make((size) => this.#room(size, flight), signal);
      // Each waiter copies before the buffer can be used for another part.
      for (const { use, resolve, reject } of flight.waiters) {
        try {
          use(bytes);
          resolve();
        } catch (error) {
          reject(error);
        }
      }
      this.#end(key, flight);
      this.#keep(key, bytes);
    } catch (error) {
      this.#end(key, flight);
      for (const { reject } of flight.waiters) reject(error);
    }
  }

  /** The flight's memory is free, or belongs to the cache. */
  #end(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    this.#makingBytes -= flight.room;
    this.#wake();
  }

  /** Has all flights that wait for memory try again, in order. */
  #wake(): void {
    for (const resume of this.#queue.splice(0)) resume();
  }

  #keep(key: string, bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#cached.has(key)) return; // a flight continued after its last reader left
    const size = bytes.buffer.byteLength;
    const limit = Math.min(CACHED_BYTES, MAX_PART_SIZE - this.#makingBytes);
    for (const { byteLength } of this.#evict(Math.max(0, limit - size))) garbageMade(byteLength);
    if (this.#makingBytes > 0 && this.bytes + size > MAX_PART_SIZE) return;
    this.#cached.set(key, bytes);
    this.#cachedBytes += size;
  }

  /** Takes memory for a part. Its buffer is one that is evicted for it, if that fits. */
  async #room(size: number, flight: Flight): Promise<Uint8Array<ArrayBuffer>> {
    const { signal } = flight.stop;
    const room = Math.ceil(size / BUFFER_UNIT) * BUFFER_UNIT;
    while (this.#makingBytes > 0 && this.#makingBytes + room > MAX_PART_SIZE) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
    signal.throwIfAborted();
    // atomic: no await until the memory is counted
    flight.room = room;
    this.#makingBytes += room;
    const limit = Math.min(CACHED_BYTES - room, MAX_PART_SIZE - this.#makingBytes);
    const evicted = this.#evict(Math.max(0, limit));
    const fits = evicted.find(({ byteLength }) => byteLength >= room && byteLength <= room + room / 4);
    for (const buffer of evicted) if (buffer !== fits) garbageMade(buffer.byteLength);
    if (!fits) return new Uint8Array(new ArrayBuffer(room), 0, size);
    this.#makingBytes += fits.byteLength - room;
    flight.room = fits.byteLength;
    return new Uint8Array(fits, 0, size);
  }

  /** Evicts parts until at most `toBytes` are cached. @returns their buffers */
  #evict(toBytes: number): ArrayBuffer[] {
    const evicted: ArrayBuffer[] = [];
    for (const [key, { buffer }] of this.#cached) {
      if (this.#cachedBytes <= toBytes) break;
      this.#cached.delete(key);
      this.#cachedBytes -= buffer.byteLength;
      evicted.push(buffer);
    }
    return evicted;
  }
}
