import { createHash, type Hash } from 'node:crypto';
import { shownName } from '../../base/text/quote-name.js';
import { SHA256_LENGTH } from '../../oci/digest.js';
import type { TarEntry } from '../../tar/entry.js';
import type { ChunkColumns } from '../layer-index.js';

/** Bytes of holes that are compared in a sparse file: a hostile map may have 8 PiB of them. */
const MAX_HOLES = 64 * 1024 ** 2;

/** A file whose content the table describes, and how far the layer has passed. */
interface CheckedFile {
  path: Buffer;
  tableOffset: number; // of its first byte, in the table's tar
  size: number; // logical bytes
  dataOffset: number; // in the layer's tar
  storedSize: number;
  sparse: TarEntry['sparse'];
  stored: number; // bytes of the tar that passed
  logical: number; // bytes of the file that passed, with those of holes
}

/** Compares the files' bytes of a layer with the chunk digests of a table. */
export class ContentCheck {
  /** The first one, until now. */
  difference: string | undefined;
  readonly #chunks: ChunkColumns;
  readonly #files: CheckedFile[] = []; // in the order of the tar; the first is being read
  #chunk = 0; // the one that is being read, or the next
  #left = 0; // bytes of it to come
  #hash: Hash | undefined; // undefined: a hole

  constructor(chunks: ChunkColumns) {
    this.#chunks = chunks;
  }

  /** @param tableOffset where the table has the entry's first byte */
  add(entry: TarEntry, tableOffset: number): void {
    if (entry.kind !== 'file' || entry.size === 0) return;
    const { size, dataOffset, storedSize, sparse } = entry;
    const path = Buffer.from(entry.path); // the entry is filled again
    const file = { path, tableOffset, size, dataOffset, storedSize, sparse, stored: 0, logical: 0 };
    this.#files.push(file);
    if (sparse && size - storedSize > MAX_HOLES) this.#differs(file);
  }

  /** Takes bytes of the tar, in order. Their entries were added before. */
  take(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    for (let file = this.#files[0]; file && this.difference === undefined; file = this.#files[0]) {
      const from = Math.max(offset, file.dataOffset + file.stored);
      const to = Math.min(end, file.dataOffset + file.storedSize);
      if (to > from) this.#pass(file, bytes.subarray(from - offset, to - offset));
      if (file.stored < file.storedSize) return;
      this.#endFile(file);
      this.#files.shift();
    }
  }

  /** Returns the first difference, when all bytes have passed. */
  end(): string | undefined {
    // A file of holes only may end the tar: no byte comes after its entry.
    this.take(new Uint8Array(0), Number.POSITIVE_INFINITY);
    if (this.difference === undefined && this.#files.length > 0) this.#differs(this.#files[0]!);
    return this.difference;
  }

  #pass(file: CheckedFile, bytes: Uint8Array): void {
    if (!file.sparse) {
      file.stored += bytes.length;
      this.#feed(file, bytes);
      return;
    }
    let before = 0; // stored bytes of the segments before
    let at = 0;
    for (const { offset, length } of file.sparse) {
      const used = Math.min(length - (file.stored - before), bytes.length - at);
      if (file.stored < before + length && used > 0) {
        this.#zeros(file, offset + (file.stored - before));
        this.#feed(file, bytes.subarray(at, at + used));
        file.stored += used;
        at += used;
      }
      before += length;
      if (at === bytes.length) return;
    }
  }

  #endFile(file: CheckedFile): void {
    this.#zeros(file, file.size);
    if (this.#left > 0) this.#differs(file);
  }

  /** Passes the hole up to `end` of the file. */
  #zeros(file: CheckedFile, end: number): void {
    while (file.logical < end && this.difference === undefined)
      this.#feed(file, ZEROS.subarray(0, Math.min(ZEROS.length, end - file.logical)));
  }

  /** The file's next bytes. */
  #feed(file: CheckedFile, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.difference === undefined; ) {
      if (this.#left === 0 && !this.#begin(file)) return;
      const part = bytes.subarray(at, at + this.#left);
      if (this.#hash) this.#hash.update(part);
      else if (!isZeros(part)) this.#differs(file);
      at += part.length;
      file.logical += part.length;
      this.#left -= part.length;
      if (this.#left === 0) this.#endChunk(file);
    }
  }

  /** @returns false if the table has no chunk there */
  #begin(file: CheckedFile): boolean {
    const { length, outOffsets, sizes, inEnds } = this.#chunks;
    const offset = file.tableOffset + file.logical;
    // Chunks of files that are not compared.
    while (this.#chunk < length && outOffsets[this.#chunk]! < file.tableOffset) this.#chunk++;
    if (outOffsets[this.#chunk] !== offset) {
      this.#differs(file);
      return false;
    }
    this.#left = sizes[this.#chunk]!;
    this.#hash = inEnds[this.#chunk] === 0 ? undefined : createHash('sha256');
    return true;
  }

  #endChunk(file: CheckedFile): void {
    const at = this.#chunk++ * SHA256_LENGTH;
    const wanted = this.#chunks.digests.subarray(at, at + SHA256_LENGTH);
    if (this.#hash && Buffer.compare(this.#hash.digest(), wanted) !== 0) this.#differs(file);
    this.#hash = undefined;
  }

  #differs({ path }: CheckedFile): void {
    this.difference ??= `the content of ${shownName(path)}`;
  }
}

function isZeros(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}

const ZEROS = new Uint8Array(64 * 1024);
