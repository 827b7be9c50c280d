import { abortable } from '../base/abortable.js';

/** A fixed number of buffers that go round between two threads: who finds none waits for one to come back. */
export class BufferRing {
  readonly #size: number;
  readonly #idle: ArrayBuffer[] = [];
  readonly #waiting: ((buffer: ArrayBuffer) => void)[] = [];
  #unmade: number;

  /** @param size bytes of each buffer */
  constructor(count: number, size: number) {
    this.#unmade = count;
    this.#size = size;
  }

  take(signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    const idle = this.#idle.pop();
    if (idle) return new Uint8Array(idle);
    if (this.#unmade > 0) {
      this.#unmade--;
      return new Uint8Array(this.#size);
    }
    const next = new Promise<Uint8Array>((resolve) =>
      this.#waiting.push((buffer) => resolve(new Uint8Array(buffer))),
    );
    return abortable(next, signal);
  }

  give(buffer: ArrayBuffer): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(buffer);
    else this.#idle.push(buffer);
  }
}
