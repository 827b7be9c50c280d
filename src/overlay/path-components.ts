import { latin1 } from '../base/text/latin1.js';
import { MAX_NAME_LENGTH } from './limits.js';

const SLASH = 0x2f;
const DOT = 0x2e;

/** Enough for the paths of ordinary images; grows. */
const INITIAL_COMPONENTS = 64;

/**
 * A path cleaned as `path.Clean('/' + name)`: its components as offsets into the heap it lies in,
 * so that no bytes are copied. One object is filled again and again. (rule O6)
 */
export class PathComponents {
  heap: Uint8Array = new Uint8Array(0);
  count = 0;
  starts = new Uint32Array(INITIAL_COMPONENTS);
  ends = new Uint32Array(INITIAL_COMPONENTS);
  #sawNul = false;

  parse(heap: Uint8Array, start: number, end: number): void {
    this.heap = heap;
    this.count = 0;
    this.#sawNul = false;
    let from = start;
    for (let at = start; at <= end; at++) {
      const byte = at < end ? heap[at] : SLASH;
      if (byte !== SLASH) {
        if (byte === 0) this.#sawNul = true;
        continue;
      }
      const length = at - from;
      if (length === 2 && heap[from] === DOT && heap[from + 1] === DOT) {
        if (this.count > 0) this.count--;
      } else if (length > 1 || (length === 1 && heap[from] !== DOT)) {
        this.#push(from, at);
      }
      from = at + 1;
    }
  }

  /** Why no file system holds the first `count` components, undefined when one may. */
  flaw(count: number): string | undefined {
    for (let i = 0; i < count; i++) {
      const length = this.ends[i]! - this.starts[i]!;
      if (length > MAX_NAME_LENGTH) return `a name of ${length} bytes, more than ${MAX_NAME_LENGTH}`;
    }
    // The byte seen may have gone with a `..`: only what is left of the path is judged.
    if (this.#sawNul) {
      for (let i = 0; i < this.count; i++) if (this.view(i).includes(0)) return 'a NUL in its name';
    }
    return undefined;
  }

  /** How many leading components the two paths share. */
  commonWith(other: PathComponents): number {
    const most = Math.min(this.count, other.count);
    for (let i = 0; i < most; i++) {
      const start = this.starts[i]!;
      const otherStart = other.starts[i]!;
      const length = this.ends[i]! - start;
      if (other.ends[i]! - otherStart !== length) return i;
      for (let at = length - 1; at >= 0; at--) {
        if (this.heap[start + at] !== other.heap[otherStart + at]) return i;
      }
    }
    return most;
  }

  view(component: number): Uint8Array {
    return this.heap.subarray(this.starts[component]!, this.ends[component]!);
  }

  /** The first `count` components joined by slashes, as latin1, so that each byte counts. */
  key(count: number): string {
    if (count === 0) return '';
    for (let i = 1; i < count; i++) {
      if (this.starts[i] !== this.ends[i - 1]! + 1) return keyOf(this.views(count));
    }
    return latin1(this.heap.subarray(this.starts[0]!, this.ends[count - 1]!)); // it was clean
  }

  /** Views of the first `count` components. */
  views(count: number): Uint8Array[] {
    return Array.from({ length: count }, (_, i) => this.view(i));
  }

  #push(start: number, end: number): void {
    if (this.count === this.starts.length) {
      this.starts = grown(this.starts);
      this.ends = grown(this.ends);
    }
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
  }
}

/** The key of a name in the directory with a key, as `PathComponents.key`. */
export function childKey(directory: string, name: Uint8Array): string {
  return directory === '' ? latin1(name) : `${directory}/${latin1(name)}`;
}

/** The key of a path of clean names. */
export function keyOf(path: readonly Uint8Array[]): string {
  return path.reduce(childKey, '');
}

function grown(column: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(column.length * 2);
  larger.set(column);
  return larger;
}
