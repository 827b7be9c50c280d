import { setImmediate as nextTurn } from 'node:timers/promises';
import { abortable } from '#src/base/tasks/abortable.js';
import type { Blob } from '#src/blob/blob.js';

/** What happens to one request, told from the place it begins at. */
export interface Fault {
  damageAt?: number; // byte of the blob that comes wrong
  failAt?: number; // byte of the blob before which it breaks
  with?: Error; // the error it breaks with
  endAt?: number; // byte of the blob at which it silently ends
  gate?: Promise<unknown>; // nothing comes before this
}

/** A source that counts requests and goes wrong as it is told. Chunks are `chunkLength` bytes, from one reused buffer. */
export class FaultySource implements Blob {
  readonly requests: string[] = []; // `first byte-end`
  running = 0;
  mostRunning = 0;
  reconnects = 0;

  constructor(
    readonly bytes: Uint8Array,
    readonly fault: (offset: number, end: number, request: number) => Fault | undefined = () => undefined,
    readonly chunkLength = 50_000,
  ) {}

  get size(): number {
    return this.bytes.length;
  }

  /** Waits until nothing runs, pages on their way to disk included. */
  async idle(): Promise<void> {
    do await nextTurn();
    while (this.running > 0);
  }

  reconnect(): void {
    this.reconnects++;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.bytes.slice(offset, offset + length);
  }

  async stream(
    offset: number,
    end: number,
    onChunk: (chunk: Uint8Array) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const fault = this.fault(offset, end, this.requests.length) ?? {};
    this.requests.push(`${offset}-${end}`);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    try {
      if (fault.gate) await abortable(fault.gate, signal);
      const buffer = new Uint8Array(this.chunkLength);
      for (let at = offset; at < (fault.endAt ?? end); at += this.chunkLength) {
        signal?.throwIfAborted();
        if (fault.failAt !== undefined && at >= fault.failAt) throw fault.with ?? new Error('broken');
        const chunk = buffer.subarray(0, Math.min(this.chunkLength, end - at));
        chunk.set(this.bytes.subarray(at, at + chunk.length));
        const damage = (fault.damageAt ?? -1) - at;
        if (damage >= 0 && damage < chunk.length) chunk[damage]! ^= 1;
        await onChunk(chunk);
        chunk.fill(0xee); // only valid until then
        await null;
      }
    } finally {
      this.running--;
    }
  }
}
