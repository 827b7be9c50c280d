import type { EntryTable } from '../index/entry-table.js';
import type { LayerIndexBuilder } from '../index/pass/index-pass.js';
import { isJsonObject } from '../oci/json.js';
import type { TarEntry } from '../tar/entry.js';
import { TarScanner } from '../tar/tar-scanner.js';
import { checkedCount } from './checked-values.js';
import { corruptTable } from './table-fault.js';
import { SPLIT_LINE_SIZE } from './table-limits.js';
import { isReplaced } from './toc-entry.js';

const NEWLINE = 0x0a;
const SLASH = 0x2f;

/** Types of a line. (vbatts/tar-split, tar/storage) */
const FILE = 1;
const SEGMENT = 2;

/** A record of all dialects of sparse files. */
const SPARSE_RECORD = Buffer.from('GNU.sparse.');

/**
 * Reads a tar-split: lines of JSON that have the bytes of a tar between its files' contents, and
 * the sizes of those. So the scanner of tars reads every field of the entries. Each entry must be
 * the one that the table has in its place. Contents lie where the table's virtual tar has them:
 * in the real one, small files share read units with chunks of large ones (`TocRows`).
 */
export class TarSplit {
  readonly #table: EntryTable;
  readonly #builder: LayerIndexBuilder;
  readonly #scanner = new TarScanner({
    onEntry: (entry) => this.#add(entry),
    onWarning: (message) => this.#builder.warn(message),
  });
  #line = new Uint8Array(64 * 1024); // that has not ended
  #lineLength = 0;
  #hasSparse = false;

  /**
   * @param table what the table of contents has
   * @param builder for the entries of the tar
   */
  constructor(table: EntryTable, builder: LayerIndexBuilder) {
    this.#table = table;
    this.#builder = builder;
  }

  /** @throws LayerslayerError CORRUPT_LAYER if it is damaged or does not fit the table */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#hasSparse; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? bytes.length : newline;
      this.#append(bytes.subarray(at, end));
      if (newline >= 0) this.#endLine();
      at = end + 1;
    }
  }

  /**
   * Ends the tar-split.
   * @returns false if it has sparse files, which a tar-split does not fit
   * @throws LayerslayerError CORRUPT_LAYER if it is cut short
   */
  finish(): boolean {
    if (this.#lineLength > 0) this.#endLine();
    if (this.#hasSparse) return false;
    this.#scanner.finish();
    if (this.#builder.length !== this.#table.length) {
      throw corruptTable(`it has ${this.#table.length} entries, its tar-split ${this.#builder.length}`);
    }
    return true;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#lineLength + bytes.length;
    if (length > SPLIT_LINE_SIZE) {
      throw corruptTable(`a line of its tar-split is longer than ${SPLIT_LINE_SIZE} bytes`);
    }
    if (length > this.#line.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#line.length));
      larger.set(this.#line.subarray(0, this.#lineLength));
      this.#line = larger;
    }
    this.#line.set(bytes, this.#lineLength);
    this.#lineLength = length;
  }

  #endLine(): void {
    const line = Buffer.from(this.#line.buffer, 0, this.#lineLength).toString('latin1');
    this.#lineLength = 0;
    if (line.trim() === '') return;
    const { type, payload, size } = parseLine(line);
    if (type === SEGMENT && typeof payload === 'string') this.#pushSegment(Buffer.from(payload, 'base64'));
    else if (type === FILE) this.#passContent(checkedCount(size ?? 0, 'a size in its tar-split'));
    else throw corruptTable(`a line of its tar-split has the type ${JSON.stringify(type)}`);
  }

  #pushSegment(segment: Buffer): void {
    if (segment.includes(SPARSE_RECORD)) this.#hasSparse = true;
    else this.#scanner.push(segment, 0, segment.length);
  }

  #passContent(size: number): void {
    if (this.#hasSparse) return;
    const passed = this.#scanner.skipContent(size);
    if (passed !== size)
      throw corruptTable(`a file of ${size} bytes in its tar-split has a header of ${passed}`);
  }

  #add(entry: TarEntry): void {
    if (entry.sparse !== undefined) {
      this.#hasSparse = true;
      return;
    }
    const row = this.#builder.length;
    if (!this.#isInTable(entry, row)) throw corruptTable(`entry ${row} is another one in its tar-split`);
    this.#builder.addEntry({ ...entry, dataOffset: this.#table.dataOffset(row) });
  }

  #isInTable({ kind, size, path, linkTarget }: TarEntry, row: number): boolean {
    const table = this.#table;
    if (row >= table.length || table.kind(row) !== kind || table.size(row) !== size) return false;
    const tablePath = table.pathHeap.subarray(table.pathStart(row), table.pathEnd(row));
    return isSameName(tablePath, path) && isSameName(table.linkTarget(row), linkTarget);
  }
}

function parseLine(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw corruptTable('a line of its tar-split is not JSON', { cause: error });
  }
  if (!isJsonObject(value)) throw corruptTable('a line of its tar-split is not a JSON object');
  return value;
}

/** @param name as the table has it, where bytes that are not UTF-8 are lost */
function isSameName(name: Uint8Array, raw: Uint8Array): boolean {
  const [one, other] = [withoutSlash(name), withoutSlash(raw)];
  if (one.equals(other)) return true;
  // Decoders differ in how many U+FFFD they write for several bytes.
  const decode = (bytes: Buffer) => bytes.toString('utf8').replace(/\ufffd+/g, '\ufffd');
  return isReplaced(name) && decode(one) === decode(other);
}

function withoutSlash(name: Uint8Array): Buffer {
  const end = name.at(-1) === SLASH ? name.length - 1 : name.length;
  return Buffer.from(name.buffer, name.byteOffset, end);
}
