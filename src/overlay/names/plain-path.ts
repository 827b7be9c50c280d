const SLASH = 0x2f;
const DOT = 0x2e;

/** Where a path is, seen from a directory. `above`: the directory itself, or one that holds it. */
export type Relation = 'above' | 'below' | 'elsewhere';

/** A path of a layer without `./` before it and slashes at its ends. Filled again for each row. */
export class PlainPath {
  start = 0;
  end = 0;

  readonly #bytes: Buffer;

  constructor(readonly heap: Uint8Array) {
    this.#bytes = Buffer.from(heap.buffer, heap.byteOffset, heap.length);
  }

  read(start: number, end: number): void {
    const { heap } = this;
    let from = start;
    for (;;) {
      if (from < end && heap[from] === SLASH) from++;
      else if (from < end && heap[from] === DOT && (from + 1 === end || heap[from + 1] === SLASH)) from++;
      else break;
    }
    let to = end;
    while (to > from && heap[to - 1] === SLASH) to--;
    this.start = from;
    this.end = to;
  }

  /** Returns bytes of the heap as latin1, without a view for each call. */
  text(start: number, end: number): string {
    return this.#bytes.toString('latin1', start, end);
  }

  /** Whether the path has this component at `start`, and others after it. */
  hasComponent(name: Uint8Array, start: number): boolean {
    if (this.end - start <= name.length || this.heap[start + name.length] !== SLASH) return false;
    for (let i = 0; i < name.length; i++) if (this.heap[start + i] !== name[i]) return false;
    return true;
  }

  /** @param directory without slashes at its ends; empty: the root */
  relationTo(directory: Uint8Array): Relation {
    const length = this.end - this.start;
    if (length === 0) return 'elsewhere'; // the root's own entry, which is a directory
    const common = Math.min(length, directory.length);
    for (let i = 0; i < common; i++) if (this.heap[this.start + i] !== directory[i]) return 'elsewhere';
    if (length === directory.length) return 'above';
    if (length < directory.length) return directory[length] === SLASH ? 'above' : 'elsewhere';
    return directory.length === 0 || this.heap[this.start + directory.length] === SLASH
      ? 'below'
      : 'elsewhere';
  }
}
