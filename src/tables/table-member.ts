import { createHash } from 'node:crypto';
import { quoteName } from '../base/text/quote-name.js';
import { MAX_CHUNK_SIZE } from '../index/pass/index-pass.js';
import { type Digest, digestAlgorithm, digestHex } from '../oci/digest.js';
import type { TarEntry } from '../tar/entry.js';
import { TarScanner } from '../tar/tar-scanner.js';
import { corruptTable } from './table-fault.js';
import type { TableProof } from './table-read.js';
import { checkTableVersion, TableText } from './table-text.js';
import type { TocEntry } from './toc-entry.js';
import type { TocRows } from './toc-rows.js';

/** The name of the table's tar entry. */
const TABLE_NAME = 'stargz.index.json';

/**
 * The last member of an eStargz: the end of the layer's tar, with the table as a file. The table
 * does not list itself. It becomes a row all the same: the layer's tar has it.
 */
export class TableMember {
  readonly #rows: TocRows;
  readonly #text: TableText;
  readonly #scanner = new TarScanner({
    onEntry: (entry) => this.#begin(entry),
    onWarning: (message) => {
      throw corruptTable(message);
    },
  });
  #position = 0; // bytes of the member so far
  #entry: TocEntry | undefined;
  #hash = createHash('sha256');
  readonly #chunks: Uint8Array[] = []; // digests of the table's chunks that are complete
  #chunkHash = createHash('sha256');
  #hashed = 0; // bytes of the table

  constructor(rows: TocRows) {
    this.#rows = rows;
    this.#text = new TableText((entry) => rows.add(entry));
  }

  /** @throws LayerslayerError CORRUPT_LAYER; what `TocRows.add` throws */
  push(bytes: Uint8Array): void {
    this.#scanner.push(bytes, 0, bytes.length);
    if (this.#entry) {
      const { dataOffset, size } = this.#entry;
      const start = Math.max(0, dataOffset - this.#position);
      const end = Math.min(bytes.length, dataOffset + size - this.#position);
      if (start < end) this.#take(bytes.subarray(start, end));
    }
    this.#position += bytes.length;
  }

  /**
   * Ends the table, and adds its own row.
   * @param digest wanted
   * @param inOffset of this member in the layer
   * @param proof see `TableReadOptions`
   * @throws LayerslayerError CORRUPT_LAYER if the table is cut short or has another digest
   */
  finish(digest: Digest, inOffset: number, proof: TableProof): void {
    this.#scanner.finish();
    const entry = this.#entry;
    if (!entry) throw corruptTable('its member is empty');
    if (digestAlgorithm(digest) !== 'sha256' || this.#hash.digest('hex') !== digestHex(digest)) {
      throw corruptTable(`its digest is not ${digest}`);
    }
    proof.holds = true;
    checkTableVersion(this.#text.finish());
    this.#rows.chunks.endFile();
    const { dataOffset } = entry; // in this member
    const { outOffset } = this.#rows.addEntry(entry);
    this.#endChunk();
    for (const [i, chunkDigest] of this.#chunks.entries()) {
      const done = i * MAX_CHUNK_SIZE;
      const start = { inOffset, innerOffset: dataOffset + done };
      this.#rows.chunks.add(
        outOffset + done,
        Math.min(MAX_CHUNK_SIZE, entry.size - done),
        start,
        chunkDigest,
      );
    }
  }

  #begin(entry: TarEntry): void {
    if (this.#entry || entry.kind !== 'file' || Buffer.from(entry.path).toString('latin1') !== TABLE_NAME) {
      throw corruptTable(`its member has an entry ${quoteName(entry.path)}`);
    }
    const path = entry.path.slice(); // entries are valid during the call only
    this.#entry = { ...entry, path, linkTarget: new Uint8Array(0), xattrs: [], isExact: true };
  }

  #take(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#text.push(bytes);
    for (let at = 0; at < bytes.length; ) {
      const room = MAX_CHUNK_SIZE - (this.#hashed % MAX_CHUNK_SIZE);
      const part = bytes.subarray(at, at + room);
      this.#chunkHash.update(part);
      this.#hashed += part.length;
      at += part.length;
      if (part.length === room) this.#endChunk();
    }
  }

  #endChunk(): void {
    if (this.#hashed <= this.#chunks.length * MAX_CHUNK_SIZE) return;
    this.#chunks.push(this.#chunkHash.digest());
    this.#chunkHash = createHash('sha256');
  }
}
