import type { EntryTable, NameTable } from '../../index/entry-table.js';

/** Some rows of a table, with a heap of their own: a merge searches heaps for markers. */
export class ExcerptTable implements EntryTable {
  readonly length: number;
  readonly pathHeap: Uint8Array;
  readonly #starts: Uint32Array;
  #table: EntryTable | undefined;

  /**
   * @param rows ascending
   * @param decode returns all columns, for the first row that is read
   */
  constructor(
    private readonly rows: Uint32Array,
    private readonly names: NameTable,
    private readonly decode: () => EntryTable,
  ) {
    this.length = rows.length;
    this.#starts = new Uint32Array(rows.length + 1);
    const paths = Array.from(rows, (row) =>
      names.pathHeap.subarray(names.pathStart(row), names.pathEnd(row)),
    );
    for (const [i, { length }] of paths.entries()) this.#starts[i + 1] = this.#starts[i]! + length;
    this.pathHeap = Buffer.concat(paths);
  }

  get #whole(): EntryTable {
    this.#table ??= this.decode();
    return this.#table;
  }

  kind(row: number) {
    return this.names.kind(this.rows[row]!);
  }
  mode(row: number) {
    return this.#whole.mode(this.rows[row]!);
  }
  uid(row: number) {
    return this.#whole.uid(this.rows[row]!);
  }
  gid(row: number) {
    return this.#whole.gid(this.rows[row]!);
  }
  size(row: number) {
    return this.#whole.size(this.rows[row]!);
  }
  mtimeSeconds(row: number) {
    return this.#whole.mtimeSeconds(this.rows[row]!);
  }
  mtimeNanoseconds(row: number) {
    return this.#whole.mtimeNanoseconds(this.rows[row]!);
  }
  deviceMajor(row: number) {
    return this.#whole.deviceMajor(this.rows[row]!);
  }
  deviceMinor(row: number) {
    return this.#whole.deviceMinor(this.rows[row]!);
  }
  dataOffset(row: number) {
    return this.#whole.dataOffset(this.rows[row]!);
  }
  storedSize(row: number) {
    return this.#whole.storedSize(this.rows[row]!);
  }
  pathStart(row: number) {
    return this.#starts[row]!;
  }
  pathEnd(row: number) {
    return this.#starts[row + 1]!;
  }
  linkTarget(row: number) {
    return this.names.linkTarget(this.rows[row]!);
  }
  xattrs(row: number) {
    return this.#whole.xattrs(this.rows[row]!);
  }
  sparse(row: number) {
    return this.#whole.sparse(this.rows[row]!);
  }
}
