/**
 * Data of extension headers about the next entry. Of two headers of one kind in a row the last
 * counts, as in Go: the later PAX header's records replace all of the earlier one's.
 */
import { GNU_LONG_NAME, PAX_HEADER } from './header.js';
import { MAX_LONG_NAME_SIZE, MAX_PAX_SIZE } from './limits.js';
import { OversizedPax } from './oversized-pax.js';
import { type PaxRecords, parsePax } from './pax.js';

/** The data of one kind of extension header, collected from pushes in a scratch that grows. */
class ExtensionData {
  /** Why the next entry can't be shown: the data exceeds the limit and is not stored. */
  flaw: string | undefined;
  readonly #what: string; // for the flaw
  readonly #limit: number; // bytes
  #scratch = new Uint8Array(0);
  #filled = 0;
  #size = 0;

  constructor(what: string, limit: number) {
    this.#what = what;
    this.#limit = limit;
  }

  /** @param size bytes to collect; earlier data is lost, and views of it change */
  begin(size: number): void {
    const isOver = size > this.#limit;
    this.flaw = isOver ? `its ${this.#what} has ${size} bytes, the limit is ${this.#limit}` : undefined;
    if (!isOver && this.#scratch.length < size) this.#scratch = new Uint8Array(size);
    this.#size = size;
    this.#filled = 0;
  }

  /** Takes the missing bytes of `[start, end)`, and returns how many. */
  take(memory: Uint8Array, start: number, end: number): number {
    const length = Math.min(this.missing, end - start);
    if (this.flaw === undefined) this.#scratch.set(memory.subarray(start, start + length), this.#filled);
    this.#filled += length;
    return length;
  }

  get missing(): number {
    return this.#size - this.#filled;
  }

  /** The collected bytes: a view that is valid until the next `begin`. */
  get bytes(): Uint8Array {
    return this.#scratch.subarray(0, this.#filled);
  }
}

export class PendingRecords {
  /** Of an oversized header, only its `size`. */
  pax: PaxRecords | undefined;
  longName: Uint8Array | undefined; // takes precedence over the PAX path, as in Go
  longLink: Uint8Array | undefined;

  // One scratch for each kind: their views are all valid until `onEntry` returns.
  readonly #paxData = new ExtensionData('PAX data', MAX_PAX_SIZE);
  readonly #nameData = new ExtensionData('long name', MAX_LONG_NAME_SIZE);
  readonly #linkData = new ExtensionData('long link target', MAX_LONG_NAME_SIZE);
  #filling = this.#paxData;
  #offset = 0; // of the extension header that is being collected
  #oversizedPax: OversizedPax | undefined;

  /** Starts to collect the data of an extension header. Oversized data is skipped. */
  begin(type: number, size: number, offset: number): void {
    this.#offset = offset;
    this.#oversizedPax = undefined;
    if (type === PAX_HEADER) {
      this.#filling = this.#paxData;
      this.pax = undefined;
      if (size > MAX_PAX_SIZE) this.#oversizedPax = new OversizedPax(offset);
    } else if (type === GNU_LONG_NAME) {
      this.#filling = this.#nameData;
      this.longName = undefined;
    } else {
      this.#filling = this.#linkData;
      this.longLink = undefined;
    }
    this.#filling.begin(size);
  }

  /**
   * Consumes bytes of `[start, end)`, and returns how many.
   * @throws LayerslayerError CORRUPT_LAYER
   */
  take(memory: Uint8Array, start: number, end: number): number {
    const length = this.#filling.take(memory, start, end);
    this.#oversizedPax?.take(memory, start, start + length);
    return length;
  }

  /** Bytes of the current data that are missing. */
  get missing(): number {
    return this.#filling.missing;
  }

  /** Call when nothing is missing. */
  complete(): void {
    const { bytes, flaw } = this.#filling;
    if (this.#oversizedPax) this.pax = this.#oversizedPax.finish();
    else if (flaw !== undefined) return;
    else if (this.#filling === this.#paxData) this.pax = parsePax(bytes, this.#offset);
    else if (this.#filling === this.#nameData) this.longName = untilNul(bytes);
    else this.longLink = untilNul(bytes);
  }

  get any(): boolean {
    return [this.pax, this.longName, this.longLink, this.flaw(true)].some((one) => one !== undefined);
  }

  /** Returns why an entry with these records can't be shown. */
  flaw(isLink: boolean): string | undefined {
    return this.#paxData.flaw ?? this.#nameData.flaw ?? (isLink ? this.#linkData.flaw : undefined);
  }

  clear(): void {
    this.pax = undefined;
    this.longName = undefined;
    this.longLink = undefined;
    this.#paxData.flaw = undefined;
    this.#nameData.flaw = undefined;
    this.#linkData.flaw = undefined;
  }
}

/** Returns undefined if the NUL comes first. Then the header's own name counts. */
function untilNul(data: Uint8Array): Uint8Array | undefined {
  const nul = data.indexOf(0);
  const name = nul < 0 ? data : data.subarray(0, nul);
  return name.length > 0 ? name : undefined;
}
