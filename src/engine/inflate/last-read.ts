/** Bytes between two reads of a sequential reader at most: what lies there was in memory. */
const MAX_GAP = 1024 * 1024;

/**
 * The last read of a thread. Only a reader that has the thread to itself may have chunks decoded
 * ahead: those of several readers would evict each other.
 */
export class LastRead {
  #layer: object | undefined;
  #end = 0;

  /**
   * Notes a read of the tar's `[from, end)`.
   * @returns it continues the read before it
   */
  isContinuedBy(layer: object, from: number, end: number): boolean {
    const gap = from - this.#end;
    const isContinued = layer === this.#layer && gap >= 0 && gap <= MAX_GAP;
    this.#layer = layer;
    this.#end = end;
    return isContinued;
  }
}
