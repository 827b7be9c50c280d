import { isJsonObject, type JsonObject } from '../oci/json.js';
import { corruptTable } from './table-fault.js';
import { ENTRY_TEXT_SIZE, FRAME_TEXT_SIZE } from './table-limits.js';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The version of tables of eStargz and zstd:chunked. (stargz-snapshotter, docs/estargz.md) */
const TABLE_VERSION = 1;

/** The key of the list of entries, up to its bracket. */
const LIST_START = /[{,]\s*"entries"\s*:\s*\[$/;
/** Bytes that it may take, with white space. */
const LIST_START_LENGTH = 256;
/** Inside the table's brace, and the list's bracket. */
const LIST_DEPTH = 2;

/** Where the next byte is: outside the list of entries, before an entry, in one, or after one. */
type Place = 'frame' | 'first' | 'entry' | 'after' | 'next';

/**
 * Splits the JSON of a table into its entries as its bytes come: objects of all entries of a table
 * of 150 MiB would take ten times as much memory. It only finds where entries begin and end.
 * JSON.parse judges their text, and the text around them.
 *
 * A fault is thrown at the end. By then the table's digest says whose fault it is.
 */
export class TableText {
  readonly #onEntry: (entry: JsonObject) => void;
  #place: Place = 'frame';
  #depth = 0; // of brackets and braces, in the frame or in the entry
  #isInString = false;
  #isEscaped = false;
  #hasEntries = false;
  #fault: { error: unknown } | undefined; // the first one
  readonly #frame = new TextBuffer('text besides its entries', FRAME_TEXT_SIZE);
  readonly #entry = new TextBuffer('text of an entry', ENTRY_TEXT_SIZE);

  /** @param onEntry called for each object in the list `entries` */
  constructor(onEntry: (entry: JsonObject) => void) {
    this.#onEntry = onEntry;
  }

  /** Takes the next bytes. After a fault, nothing more is passed on. */
  push(bytes: Uint8Array): void {
    if (this.#fault) return;
    try {
      this.#split(bytes);
    } catch (error) {
      this.#fault = { error };
    }
  }

  #split(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#place === 'frame') at = this.#passFrame(bytes, at);
      else if (this.#place === 'entry') at = this.#passEntry(bytes, at);
      else at = this.#passBetween(bytes, at);
    }
  }

  /**
   * Ends the table, whose digest the caller has checked.
   * @returns its fields, with an empty list of entries
   * @throws LayerslayerError CORRUPT_LAYER; what `onEntry` has thrown
   */
  finish(): JsonObject {
    if (this.#fault) throw this.#fault.error;
    const frame = this.#frame.parse();
    const { entries } = frame;
    // An escaped spelling of the key is another list.
    if (!this.#hasEntries || !Array.isArray(entries) || entries.length > 0) {
      throw corruptTable('it has no list of entries');
    }
    return frame;
  }

  /** Passes text outside the list, up to the list's bracket. Returns where it stopped, as all. */
  #passFrame(bytes: Uint8Array, start: number): number {
    let from = start;
    for (let at = start; at < bytes.length; at++) {
      this.#depth += this.#depthChange(bytes[at]!);
      if (bytes[at] !== OPEN_BRACKET || this.#isInString || this.#depth !== LIST_DEPTH) continue;
      this.#frame.append(bytes, from, at + 1);
      from = at + 1;
      if (!this.#frame.endsWith(LIST_START)) continue;
      if (this.#hasEntries) throw corruptTable('it has two lists of entries');
      this.#hasEntries = true;
      this.#place = 'first';
      return from;
    }
    this.#frame.append(bytes, from, bytes.length);
    return bytes.length;
  }

  /** Passes text of an entry, up to its end. */
  #passEntry(bytes: Uint8Array, start: number): number {
    for (let at = start; at < bytes.length; at++) {
      this.#depth += this.#depthChange(bytes[at]!);
      if (this.#depth > 0) continue;
      this.#entry.append(bytes, start, at + 1);
      this.#place = 'after';
      const entry = this.#entry.parse();
      this.#entry.clear();
      this.#onEntry(entry);
      return at + 1;
    }
    this.#entry.append(bytes, start, bytes.length);
    return bytes.length;
  }

  /** Passes what is between entries, up to the next one or to the end of the list. */
  #passBetween(bytes: Uint8Array, start: number): number {
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (isSpace(byte)) continue;
      if (byte === COMMA && this.#place === 'after') {
        this.#place = 'next';
      } else if (byte === OPEN_BRACE && this.#place !== 'after') {
        this.#place = 'entry';
        this.#depth = 0;
        return at;
      } else if (byte === CLOSE_BRACKET && this.#place !== 'next') {
        this.#place = 'frame';
        this.#depth = LIST_DEPTH;
        return at;
      } else {
        throw corruptTable('its list of entries is not JSON');
      }
    }
    return bytes.length;
  }

  /** Returns how a byte changes the depth: not inside strings. */
  #depthChange(byte: number): number {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#isInString = false;
      return 0;
    }
    if (byte === QUOTE) this.#isInString = true;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return 1;
    return byte === CLOSE_BRACE || byte === CLOSE_BRACKET ? -1 : 0;
  }
}

/**
 * Checks the version of a table. Entries of another one may mean something else.
 * @param fields of the table, besides its entries
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function checkTableVersion({ version = TABLE_VERSION }: JsonObject): void {
  if (version !== TABLE_VERSION) {
    throw corruptTable(`its version is ${JSON.stringify(version).slice(0, 20)}, want ${TABLE_VERSION}`);
  }
}

/** Bytes of one JSON object, as they come. */
class TextBuffer {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  /** @param limit bytes */
  constructor(
    private readonly what: string,
    private readonly limit: number,
  ) {}

  append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.limit) throw corruptTable(`its ${this.what} is longer than ${this.limit} bytes`);
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
  }

  clear(): void {
    this.#length = 0;
  }

  endsWith(wanted: RegExp): boolean {
    const start = Math.max(0, this.#length - LIST_START_LENGTH);
    return wanted.test(this.#bytes.toString('latin1', start, this.#length));
  }

  /** Bytes that are not UTF-8 become U+FFFD, as in Go. */
  parse(): JsonObject {
    let value: unknown;
    try {
      value = JSON.parse(this.#bytes.toString('utf8', 0, this.#length));
    } catch (error) {
      throw corruptTable('it is not JSON', { cause: error });
    }
    if (!isJsonObject(value)) throw corruptTable('it is not a JSON object');
    return value;
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
