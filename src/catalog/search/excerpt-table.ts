import type { EntryTable } from '../../index/entry-table.js';

/** Some rows of a table, which is decoded when a row is read. */
export class ExcerptTable implements EntryTable {
  readonly length: number;
  #table: EntryTable | undefined;

  /** @param rows ascending */
  constructor(
    private readonly rows: Uint32Array,
    private readonly decode: () => EntryTable,
    readonly pathHeap: Uint8Array,
  ) {
    this.length = rows.length;
  }

  get #whole(): EntryTable {
    this.#table ??= this.decode();
    return this.#table;
  }

  kind(row: number) {
    return this.#whole.kind(this.rows[row]!);
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
    return this.#whole.pathStart(this.rows[row]!);
  }
  pathEnd(row: number) {
    return this.#whole.pathEnd(this.rows[row]!);
  }
  linkTarget(row: number) {
    return this.#whole.linkTarget(this.rows[row]!);
  }
  xattrs(row: number) {
    return this.#whole.xattrs(this.rows[row]!);
  }
  sparse(row: number) {
    return this.#whole.sparse(this.rows[row]!);
  }
}
