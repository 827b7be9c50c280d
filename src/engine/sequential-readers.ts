/** Sequential readers of one layer that are told apart; `tar` in four shells needs four. */
const MAX_READERS = 8;
/** A reader that leaves out fewer windows than this is still taken as sequential: inflating on is cheap. */
const MAX_GAP = 16;
/** And before it has gone on once: many who look here and there look near where somebody was. */
const MAX_FIRST_GAP = 2;
/** First read-ahead of a reader, in windows; each further one is twice as long. */
const FIRST_AHEAD = 8;

/** A reader that has been here once, and may go on. */
export interface SequentialReader {
  readonly thread: number; // that makes its windows, and has an inflater standing where it left off
  position: number; // the window after the last one it read
  next: number; // the first window that was not asked for ahead of it
  ahead: number; // windows of its last read-ahead; 0: it has not gone on yet
  passed: number; // windows that it has read since it went on
}

/**
 * Tells readers of one layer that go forward from those that look here and there, and says how far to read ahead of
 * them. A reader must have gone on once before anything is read that it did not ask for.
 */
export class SequentialReaders {
  readonly #maxAhead: number;
  readonly #readers: SequentialReader[] = []; // used last comes last

  /** @param maxAhead windows, 1 or more */
  constructor(maxAhead: number) {
    this.#maxAhead = maxAhead;
  }

  /** The reader that a read beginning in window `first` goes on from. */
  at(first: number): SequentialReader | undefined {
    // Its last window again, too: reads end anywhere inside one.
    return this.#readers.findLast(
      ({ position, next, ahead }) =>
        first >= position - 1 && first < next + (ahead > 0 ? MAX_GAP : MAX_FIRST_GAP),
    );
  }

  /** Notes a new reader, which has read up to window `last`. */
  add(last: number, thread: number): SequentialReader {
    const reader = { thread, position: last + 1, next: last + 1, ahead: 0, passed: 0 };
    this.#readers.push(reader);
    if (this.#readers.length > MAX_READERS) this.#readers.shift();
    return reader;
  }

  /**
   * Notes that a reader reads on up to window `last`.
   * @returns the window before which all should be asked for, `last + 1` at least
   */
  advance(reader: SequentialReader, last: number, chunkCount: number): number {
    const first = reader.position;
    // Once more in the same window is not going on: small files lie side by side in one.
    if (last < first) return last + 1;
    this.#readers.splice(this.#readers.indexOf(reader), 1);
    this.#readers.push(reader);
    reader.position = last + 1;
    reader.passed += reader.position - first;
    reader.next = Math.max(reader.next, reader.position);
    // Half of the last read-ahead is still to come: more is asked for later, in one go.
    if (reader.next - reader.position > reader.ahead / 2) return last + 1;
    const wanted = Math.max(FIRST_AHEAD, 2 * reader.ahead, last + 1 - first);
    reader.ahead = Math.min(wanted, this.#maxAhead);
    reader.next = Math.max(reader.next, Math.min(reader.position + reader.ahead, chunkCount));
    return reader.next;
  }
}

/**
 * The window before which a reader will likely go on: four times as far as it has come. Latency is hidden by
 * what is fetched ahead, which may be more than what is inflated ahead.
 */
export function likelyEnd(reader: SequentialReader, chunkCount: number): number {
  return Math.min(chunkCount, Math.max(reader.next, reader.position + 4 * reader.passed));
}
