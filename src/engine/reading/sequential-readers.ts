/** Most sequential readers of one layer: `tar` in four shells needs four. */
const MAX_READERS = 8;
/** A reader that skips fewer chunks than this is still sequential: inflating on is cheap. */
const MAX_GAP = 16;
/** Smaller gap before a reader's second read: random readers often hit neighbouring offsets. */
const MAX_FIRST_GAP = 2;
/** First read-ahead of a reader, in chunks. Each further one is twice as long. */
const FIRST_AHEAD = 8;

/** A reader that may continue. */
export interface SequentialReader {
  readonly thread: number; // makes its chunks: it has a cursor where the reader stopped
  position: number; // the chunk after the last one it read
  next: number; // the first chunk that was not requested for it
  ahead: number; // chunks of its last read-ahead; 0: it has not continued yet
  passed: number; // chunks that it has read since it continued
}

/**
 * Tells sequential readers of one layer from random ones, and says how far to read ahead of them.
 * Nothing is read ahead before a reader has continued once.
 */
export class SequentialReaders {
  readonly #maxAhead: number;
  readonly #readers: SequentialReader[] = []; // least recently used first

  /** @param maxAhead chunks, 1 or more */
  constructor(maxAhead: number) {
    this.#maxAhead = maxAhead;
  }

  /** Returns the reader that a read from chunk `first` on continues. */
  at(first: number): SequentialReader | undefined {
    // Its last chunk again, too: reads end anywhere inside one.
    return this.#readers.findLast(
      ({ position, next, ahead }) =>
        first >= position - 1 && first < next + (ahead > 0 ? MAX_GAP : MAX_FIRST_GAP),
    );
  }

  /** Adds a reader that has read up to chunk `last`. */
  add(last: number, thread: number): SequentialReader {
    const reader = { thread, position: last + 1, next: last + 1, ahead: 0, passed: 0 };
    this.#readers.push(reader);
    if (this.#readers.length > MAX_READERS) this.#readers.shift();
    return reader;
  }

  /**
   * Notes that a reader continues up to chunk `last`.
   * @returns the chunk before which all should be requested, at least `last + 1`
   */
  advance(reader: SequentialReader, last: number, chunkCount: number): number {
    const first = reader.position;
    // The same chunk again does not count: small files share one.
    if (last < first) return last + 1;
    this.#readers.splice(this.#readers.indexOf(reader), 1);
    this.#readers.push(reader);
    reader.position = last + 1;
    reader.passed += reader.position - first;
    reader.next = Math.max(reader.next, reader.position);
    // Half of the last read-ahead is still unread: the next request is one long one, later.
    if (reader.next - reader.position > reader.ahead / 2) return last + 1;
    const wanted = Math.max(FIRST_AHEAD, 2 * reader.ahead, last + 1 - first);
    reader.ahead = Math.min(wanted, this.#maxAhead);
    reader.next = Math.max(reader.next, Math.min(reader.position + reader.ahead, chunkCount));
    return reader.next;
  }
}

/**
 * Returns the chunk before which a reader will likely continue: four times as far as it has come.
 * Fetching ahead hides latency, and may be further than inflating ahead.
 */
export function likelyEnd(reader: SequentialReader, chunkCount: number): number {
  return Math.min(chunkCount, Math.max(reader.next, reader.position + 4 * reader.passed));
}
