/**
 * Finds the entries of an uncompressed tar as its bytes pass. It skips file content without reading
 * it: a push costs as much as the headers in it. Headers are read in place. Only headers that a
 * push cuts in two, and the data of extension headers, are copied.
 *
 * Accepts what Go's archive/tar accepts, which all container engines use, with the same precedence,
 * except:
 * - A GNU header never has a prefix. Go guesses one, for archives of its own old writer.
 * - A NUL in a PAX path stays: the merged tree skips one entry instead of losing the layer.
 * - Owners past 32 bits are shown as 65534. Go returns them, and the kernel truncates 2^32 to root.
 * - An entry beyond a limit (`limits.ts`, `entry-flaw.ts`) is skipped with a warning. None of it is
 *   stored.
 * - A stream that ends after extension headers, before their entry, is cut short.
 * - A global header leaves the records before it unchanged.
 * - A sparse file of PAX 0.0 or 0.1 whose map is empty keeps its size.
 * - Number fields that are not used here are not checked.
 */
import type { LayerslayerError } from '../base/errors.js';
import { quoteName } from '../base/text/quote-name.js';
import { blankEntry, entryPath, paxNumber, readAttributes } from './attributes.js';
import { checksumMatches, sumOfBlock } from './checksum.js';
import { corruptTar } from './corrupt.js';
import type { TarEntry } from './entry.js';
import { entryFlaw } from './entry-flaw.js';
import {
  BLOCK_SIZE,
  entryKind,
  GNU_LONG_LINK,
  GNU_LONG_NAME,
  HeaderBlock,
  PAX_GLOBAL_HEADER,
  PAX_HEADER,
  paddingAfter,
  SIZE,
} from './header.js';
import { MAX_FILE_SIZE, MAX_SPARSE_MAP_SIZE } from './limits.js';
import { PendingRecords } from './pending-records.js';
import { type SparseFile, sparseFile } from './sparse-file.js';
import { type MapBlocks, sparseSegments } from './sparse-map.js';

/** Content is not read. */
const NOTHING = new Uint8Array(0);
const NOTHING_VIEW = new DataView(NOTHING.buffer);
const ZEROS = Buffer.alloc(4096);

export interface TarObserver {
  /** Called at each entry's last header block. The entry is valid during the call only. */
  onEntry(entry: TarEntry): void;
  /** Called when something was omitted or ignored. The message names the entry and its offset. */
  onWarning(message: string): void;
}

/**
 * Kind of bytes at the current position. `header` and `sparse-map` come in whole blocks, `data` is
 * content and its padding. `zeros`: the archive began with zero blocks, so it must be empty.
 * Otherwise it is damaged, since file systems and disk images begin with zeros too.
 */
type Expected = 'header' | 'records' | 'sparse-map' | 'data' | 'zeros' | 'end';

/** Reads one tar. It cannot be used after it threw. */
export class TarScanner {
  readonly #observer: TarObserver;
  #expected: Expected = 'header';
  #position = 0; // bytes of the tar consumed
  #dataLeft = 0; // bytes of content and padding before the next header
  #padding = 0; // bytes after the content, up to a whole block
  #sawZeroBlock = false;
  #sawHeader = false;

  readonly #header = new HeaderBlock();
  readonly #entry = blankEntry();
  readonly #pending = new PendingRecords();
  #sparse: SparseFile | undefined; // whose map is being read, block by block
  #mapSize = 0; // bytes of that map so far
  #flaw: string | undefined; // why the entry is skipped

  // A block that is cut by pushes.
  readonly #cutBlock = new Uint8Array(BLOCK_SIZE);
  readonly #cutView = new DataView(this.#cutBlock.buffer);
  #cutFilled = 0;

  constructor(observer: TarObserver) {
    this.#observer = observer;
  }

  /**
   * Takes the next bytes of the tar, of any number. The memory may be overwritten after the call.
   * @throws LayerslayerError CORRUPT_LAYER; what `onEntry` throws
   */
  push(memory: Uint8Array, start: number, end: number): void {
    // Never a Buffer: its `slice` is a view, and callers copy entries by `slice`.
    const bytes = new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
    const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    for (let at = start; at < end; ) {
      const took = this.#take(bytes, view, at, end);
      at += took;
      this.#position += took;
    }
  }

  /**
   * Skips content, and bytes after the end of the archive, that the caller need not read.
   * @param limit bytes available
   * @returns bytes skipped; 0 if the next one belongs to a header
   */
  skipContent(limit: number): number {
    let skipped = 0;
    while (skipped < limit) {
      const expected = this.#expected;
      if (expected !== 'data' && expected !== 'zeros' && expected !== 'end') break;
      skipped += this.#take(NOTHING, NOTHING_VIEW, skipped, limit);
    }
    this.#position += skipped;
    return skipped;
  }

  /**
   * Ends the tar. Missing end-of-archive blocks and missing padding after the last content are
   * tolerated.
   * @returns the bytes of the whole stream
   * @throws LayerslayerError CORRUPT_LAYER if a header or content is cut short
   */
  finish(): { size: number } {
    const size = this.#position;
    if (this.#cutFilled > 0 && !this.#isEmptyArchive()) {
      throw corruptTar(size - this.#cutFilled, `the tar ends at ${size}, within a header`);
    }
    const missing = this.#dataLeft - this.#padding;
    if (this.#expected === 'data' && missing > 0) {
      throw corruptTar(this.#header.offset, `the tar ends at ${size}, ${missing} bytes short of its content`);
    }
    if (this.#expected === 'records' || this.#expected === 'sparse-map' || this.#pending.any) {
      throw corruptTar(
        this.#header.offset,
        `the tar ends at ${size}, before the entry that this header begins`,
      );
    }
    return { size };
  }

  /** Consumes some of `[at, end)`, at least one byte; returns how many. */
  #take(memory: Uint8Array, view: DataView, at: number, end: number): number {
    switch (this.#expected) {
      case 'data': {
        const length = Math.min(this.#dataLeft, end - at);
        this.#passData(this.#dataLeft - length);
        return length;
      }
      case 'records': {
        const length = this.#pending.take(memory, at, end);
        if (this.#pending.missing === 0) this.#endRecords();
        return length;
      }
      case 'zeros':
        this.#checkZeros(memory, at, end);
        return end - at;
      case 'end':
        return end - at;
      default:
        return this.#takeBlock(memory, view, at, end);
    }
  }

  #takeBlock(memory: Uint8Array, view: DataView, at: number, end: number): number {
    if (this.#cutFilled === 0 && end - at >= BLOCK_SIZE) {
      this.#readBlock(memory, view, at, this.#position);
      return BLOCK_SIZE;
    }
    const length = Math.min(BLOCK_SIZE - this.#cutFilled, end - at);
    this.#cutBlock.set(memory.subarray(at, at + length), this.#cutFilled);
    this.#cutFilled += length;
    if (this.#cutFilled === BLOCK_SIZE) {
      this.#cutFilled = 0;
      this.#readBlock(this.#cutBlock, this.#cutView, 0, this.#position + length - BLOCK_SIZE);
    }
    return length;
  }

  #readBlock(block: Uint8Array, view: DataView, at: number, offset: number): void {
    if (this.#sparse?.rest) this.#readSparseMap(this.#sparse, this.#sparse.rest, block, at);
    else this.#readHeader(block, view, at, offset);
  }

  #readHeader(block: Uint8Array, view: DataView, at: number, offset: number): void {
    const sum = sumOfBlock(view, at);
    if (sum === 0) {
      this.#readZeroBlock(offset);
      return;
    }
    if (this.#sawZeroBlock) {
      if (!this.#sawHeader) throw dataAfterZeros(offset);
      throw corruptTar(offset, 'data after one block of zeros, want a second one');
    }
    if (!checksumMatches(block, at, sum)) throw corruptTar(offset, 'the checksum is wrong: no tar header');
    this.#sawHeader = true;
    const header = this.#header;
    header.set(block, at, offset);
    switch (header.type) {
      case PAX_HEADER:
      case GNU_LONG_NAME:
      case GNU_LONG_LINK: {
        // Its own field only: a PAX header's size belongs to the entry (CVE-2025-62518).
        const size = this.#checkedSize(header.number(SIZE));
        this.#pending.begin(header.type, size, offset);
        this.#padding = paddingAfter(size);
        if (size > 0) this.#expected = 'records';
        else this.#endRecords();
        return;
      }
      case PAX_GLOBAL_HEADER:
        this.#passContent(this.#checkedSize(header.number(SIZE)));
        return;
      default:
        this.#readMember(header, offset + BLOCK_SIZE);
    }
  }

  /** Two blocks of zeros end the archive. */
  #readZeroBlock(offset: number): void {
    if (this.#pending.any) {
      this.#observer.onWarning(
        `tar at ${offset}: the archive ends after an extension header without its entry`,
      );
      this.#pending.clear();
    }
    if (this.#sawZeroBlock) this.#expected = this.#sawHeader ? 'end' : 'zeros';
    this.#sawZeroBlock = true;
  }

  #checkZeros(memory: Uint8Array, at: number, end: number): void {
    // With native code, 4 KiB per call: a layer of 16 MiB may hold 16 GiB of zeros. Skipped bytes
    // are not checked.
    if (memory.length === 0) return;
    for (let from = at; from < end; from += ZEROS.length) {
      const to = Math.min(from + ZEROS.length, end);
      const piece = Buffer.from(memory.buffer, memory.byteOffset + from, to - from);
      if (piece.compare(ZEROS, 0, piece.length) !== 0) throw dataAfterZeros(this.#position + from - at);
    }
  }

  /** Returns whether only zeros came, ending within a block. */
  #isEmptyArchive(): boolean {
    if (this.#sawHeader || !this.#sawZeroBlock) return false;
    return this.#cutBlock.subarray(0, this.#cutFilled).every((byte) => byte === 0);
  }

  #endRecords(): void {
    this.#pending.complete();
    this.#passData(this.#padding);
  }

  /** @param after the end of the header block */
  #readMember(header: HeaderBlock, after: number): void {
    const { pax } = this.#pending;
    const path = entryPath(header, this.#pending);
    const kind = entryKind(header, path);
    if (kind === undefined) {
      const type = JSON.stringify(String.fromCharCode(header.type));
      this.#warn(path, `unknown type ${type}, skipped`);
      const size = this.#memberSize(header);
      this.#pending.clear();
      this.#passContent(size);
      return;
    }
    const entry = this.#entry;
    entry.path = path;
    const flaw = readAttributes(entry, kind, header, this.#pending, (what) => this.#warn(path, what));
    this.#flaw = this.#pending.flaw(kind === 'symlink' || kind === 'hardlink') ?? flaw;
    // Only files have data, whatever the size field contains.
    entry.storedSize = kind === 'file' ? this.#memberSize(header) : 0;
    entry.size = entry.storedSize;
    entry.dataOffset = after;
    entry.sparse = undefined;
    const sparse = sparseFile(header, pax, entry.size);
    if (sparse === undefined) this.#handOut();
    else this.#beginSparse(sparse);
  }

  /** Returns the bytes of the member's data, which locate the next header. */
  #memberSize(header: HeaderBlock): number {
    return this.#checkedSize(paxNumber(header, this.#pending.pax, 'size') ?? header.number(SIZE));
  }

  #beginSparse(sparse: SparseFile): void {
    const entry = this.#entry;
    if (entry.kind !== 'file') throw corruptTar(this.#header.offset, `a sparse map on a ${entry.kind}`);
    entry.size = sparse.size;
    this.#flaw ??= sparse.flaw;
    if (sparse.name !== undefined) entry.path = sparse.name;
    if (sparse.rest === undefined) {
      this.#endSparse(sparse);
      return;
    }
    // The header block is overwritten before the rest of the map has passed.
    entry.path = entry.path.slice();
    this.#sparse = sparse;
    this.#mapSize = 0;
    this.#expected = 'sparse-map';
  }

  #readSparseMap(sparse: SparseFile, map: MapBlocks, block: Uint8Array, at: number): void {
    const entry = this.#entry;
    if (map.inData) {
      if (entry.storedSize < BLOCK_SIZE) {
        throw corruptTar(this.#header.offset, 'the sparse map passes the end of its data');
      }
      entry.storedSize -= BLOCK_SIZE;
    }
    entry.dataOffset += BLOCK_SIZE;
    this.#mapSize += BLOCK_SIZE;
    if (this.#mapSize > MAX_SPARSE_MAP_SIZE) {
      this.#flaw ??= `its sparse map is longer than the limit of ${MAX_SPARSE_MAP_SIZE} bytes`;
    }
    // The rest of a map in the data is skipped with the data. Blocks of a map before it must be
    // parsed.
    const isSkipped = this.#flaw !== undefined;
    const goesOn = isSkipped && map.inData ? false : map.readBlock(block, at, !isSkipped);
    if (!goesOn) this.#endSparse(sparse);
  }

  #endSparse(sparse: SparseFile): void {
    const entry = this.#entry;
    if (this.#flaw === undefined) {
      entry.sparse = sparseSegments(sparse.pairs, entry.size, entry.storedSize, this.#header.offset);
    }
    this.#sparse = undefined;
    this.#handOut();
  }

  #handOut(): void {
    const entry = this.#entry;
    const flaw = this.#flaw ?? entryFlaw(entry);
    if (flaw === undefined) this.#observer.onEntry(entry);
    else this.#warn(entry.path, `skipped: ${flaw}`);
    this.#flaw = undefined;
    this.#pending.clear();
    this.#passContent(entry.storedSize);
  }

  #warn(path: Uint8Array, what: string): void {
    this.#observer.onWarning(`tar entry ${quoteName(path)} at ${this.#header.offset}: ${what}`);
  }

  #passContent(size: number): void {
    this.#padding = paddingAfter(size);
    this.#passData(size + this.#padding);
  }

  /** @param length bytes of content and padding before the next header */
  #passData(length: number): void {
    this.#dataLeft = length;
    this.#expected = length > 0 ? 'data' : 'header';
  }

  #checkedSize(size: number): number {
    if (size >= 0 && size <= MAX_FILE_SIZE) return size;
    throw corruptTar(this.#header.offset, `size is ${size}, want 0 to ${MAX_FILE_SIZE}`);
  }
}

/** An archive begins with a header. */
function dataAfterZeros(offset: number): LayerslayerError {
  return corruptTar(offset, 'not a tar archive: data after leading zero blocks');
}
