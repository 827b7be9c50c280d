import { firstEndingAfter } from '../../tar/sparse-seek.js';

/** A piece of a read: bytes of the tar (`from` is relative to the entry's data), or a hole (-1). */
export interface SparsePiece {
  from: number;
  length: number;
}

/** Finds the pieces of a range of a sparse file. In the tar, its segments are adjacent. */
export class SparseLayout {
  readonly #segments: Float64Array; // offset, length, offset, length, …: ascending, not overlapping
  readonly #starts: Float64Array; // where each segment's data starts, relative to the entry's data

  constructor(segments: Float64Array) {
    this.#segments = segments;
    this.#starts = new Float64Array(segments.length / 2);
    let start = 0;
    for (let i = 0; i < this.#starts.length; i++) {
      this.#starts[i] = start;
      start += segments[2 * i + 1]!;
    }
  }

  /** The pieces of `[offset, offset + length)`, in order, none empty. */
  pieces(offset: number, length: number): SparsePiece[] {
    const pieces: SparsePiece[] = [];
    const end = offset + length;
    let at = offset;
    for (let i = firstEndingAfter(this.#segments, offset); at < end && i < this.#starts.length; i++) {
      const segmentStart = this.#segments[2 * i]!;
      const segmentEnd = segmentStart + this.#segments[2 * i + 1]!;
      if (segmentStart >= end) break;
      // GNU tar ends a map with an empty segment at the file's end.
      if (segmentEnd <= at || segmentEnd === segmentStart) continue;
      if (segmentStart > at) {
        pieces.push({ from: -1, length: segmentStart - at });
        at = segmentStart;
      }
      const dataLength = Math.min(segmentEnd, end) - at;
      pieces.push({ from: this.#starts[i]! + (at - segmentStart), length: dataLength });
      at += dataLength;
    }
    if (at < end) pieces.push({ from: -1, length: end - at });
    return pieces;
  }
}
