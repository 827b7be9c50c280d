import type { FileChunk, Layer, TableChunks } from '../../engine/layer.js';
import { rowChunks } from '../../engine/layer.js';
import type { EntryTable } from '../../index/entry-table.js';

/** Bytes of a layer, which a thread asks the main thread for. */
export interface AskedBytes {
  layer: number; // from 1
  /** One row: a part of its file. Several rows: all bytes of their files, end to end. */
  rows: readonly number[];
  offset: number;
  length: number;
}

/**
 * Bytes of the uncompressed tar that are asked for at once: a chunk of the main thread's memory. A
 * message takes ten times as long as comparing a small file.
 */
const BATCH_SIZE = 32 * 1024;

/** Each file has a header of 512 bytes in the tar, so a batch has no more files. */
const ROWS_MAX = 64;

/** A layer in a thread that has its entries, and asks another thread for bytes. */
export class AskedLayer implements Layer {
  readonly digest: Layer['digest'];
  readonly origin: Layer['origin'];
  readonly fingerprint: number;
  /** Small files of the last batch, by row. */
  #batch = new Map<number, Uint8Array>();

  constructor(
    { digest, origin, fingerprint }: Pick<Layer, 'digest' | 'origin' | 'fingerprint'>,
    readonly entries: EntryTable,
    private readonly options: {
      number: number;
      chunkTable: TableChunks | undefined;
      ask(bytes: AskedBytes): Promise<Uint8Array>;
    },
  ) {
    this.digest = digest;
    this.origin = origin;
    this.fingerprint = fingerprint;
  }

  read(row: number, offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    const known = this.#batch.get(row);
    if (known) return known.subarray(offset, offset + length);
    const { number, ask } = this.options;
    const rows = this.#together(row);
    if (rows.length === 1) return ask({ layer: number, rows, offset, length });
    return this.#readTogether(rows).then(
      () => this.#batch.get(row)!.subarray(offset, offset + length),
      // The fault may be another file's.
      () => ask({ layer: number, rows: [row], offset, length }),
    );
  }

  fileChunks(row: number): FileChunk[] | undefined {
    return rowChunks(this.options.chunkTable, this.entries, row);
  }

  /** Returns the row, and the next files whose bytes end in the same batch of the tar. */
  #together(row: number): number[] {
    const { entries } = this;
    const end = (Math.floor(entries.dataOffset(row) / BATCH_SIZE) + 1) * BATCH_SIZE;
    const rows: number[] = [];
    for (let next = row; next < Math.min(entries.length, row + ROWS_MAX); next++) {
      if (entries.kind(next) !== 'file' || entries.size(next) === 0) continue;
      if (entries.sparse(next) || entries.dataOffset(next) + entries.size(next) > end) break;
      rows.push(next);
    }
    return rows.length === 0 ? [row] : rows;
  }

  async #readTogether(rows: readonly number[]): Promise<void> {
    const length = rows.reduce((sum, row) => sum + this.entries.size(row), 0);
    const bytes = await this.options.ask({ layer: this.options.number, rows, offset: 0, length });
    this.#batch = new Map();
    let at = 0;
    for (const row of rows) {
      this.#batch.set(row, bytes.subarray(at, at + this.entries.size(row)));
      at += this.entries.size(row);
    }
  }
}

/**
 * Reads what an `AskedLayer` asks for.
 * @returns a copy: what a layer returns is valid until the next await
 * @throws LayerslayerError as `Layer.read`
 */
export async function readAsked(
  layer: Layer,
  { rows, offset, length }: AskedBytes,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  if (rows.length === 1) return new Uint8Array(await layer.read(rows[0]!, offset, length, signal));
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const row of rows) {
    const size = layer.entries.size(row);
    const read = layer.read(row, 0, size, signal);
    bytes.set(read instanceof Uint8Array ? read : await read, at);
    at += size;
  }
  return bytes;
}
