/**
 * Data of extension headers about the next entry. Of two headers of one kind in a row the last
 * counts, as in Go: the later PAX header's records replace all of the earlier one's.
 */
import { ExtensionData } from './extension-data.js';
import { GNU_LONG_LINK, GNU_LONG_NAME, PAX_HEADER } from './header.js';
import { MAX_LONG_NAME_SIZE, MAX_PAX_SIZE } from './limits.js';
import { OversizedPax } from './oversized-pax.js';
import { type PaxRecords, parsePax } from './pax.js';

export class PendingRecords {
  pax: PaxRecords | undefined;
  longName: Uint8Array | undefined; // takes precedence over the PAX path, as in Go
  longLink: Uint8Array | undefined;

  /** Why the next entry can't be shown: its data exceeded a limit and was not stored. */
  paxFlaw: string | undefined;
  nameFlaw: string | undefined;
  linkFlaw: string | undefined; // for links only
  /** The `size` of an oversized PAX header. */
  oversizedSize: Uint8Array | undefined;

  // One scratch for each kind: their views are all valid until `onEntry` returns.
  readonly #paxData = new ExtensionData();
  readonly #nameData = new ExtensionData();
  readonly #linkData = new ExtensionData();
  #filling = this.#paxData;
  #type = PAX_HEADER;
  #offset = 0; // of the extension header that is being collected
  /** Remaining bytes of oversized data, and their parser. */
  #passing = 0;
  #oversizedPax: OversizedPax | undefined;

  /** Starts to collect the data of an extension header. Oversized data is skipped. */
  begin(type: number, size: number, offset: number): void {
    this.#type = type;
    this.#offset = offset;
    const isOver = size > (type === PAX_HEADER ? MAX_PAX_SIZE : MAX_LONG_NAME_SIZE);
    this.#passing = isOver ? size : 0;
    if (type === PAX_HEADER) {
      this.#filling = this.#paxData;
      this.pax = undefined;
      this.oversizedSize = undefined;
      this.paxFlaw = isOver ? tooLarge('PAX data', size, MAX_PAX_SIZE) : undefined;
      this.#oversizedPax = isOver ? new OversizedPax(offset) : undefined;
    } else if (type === GNU_LONG_NAME) {
      this.#filling = this.#nameData;
      this.longName = undefined;
      this.nameFlaw = isOver ? tooLarge('long name', size, MAX_LONG_NAME_SIZE) : undefined;
    } else {
      this.#filling = this.#linkData;
      this.longLink = undefined;
      this.linkFlaw = isOver ? tooLarge('long link target', size, MAX_LONG_NAME_SIZE) : undefined;
    }
    this.#filling.begin(isOver ? 0 : size);
  }

  /**
   * Consumes bytes of `[start, end)`, and returns how many.
   * @throws LayerslayerError CORRUPT_LAYER
   */
  take(memory: Uint8Array, start: number, end: number): number {
    if (this.#passing === 0) return this.#filling.take(memory, start, end);
    const length = Math.min(this.#passing, end - start);
    if (this.#type === PAX_HEADER) this.#oversizedPax?.take(memory, start, start + length);
    this.#passing -= length;
    return length;
  }

  /** Bytes of the current data that are missing. */
  get missing(): number {
    return this.#passing + this.#filling.missing;
  }

  /** Call when nothing is missing. */
  complete(): void {
    if (this.#isOver()) {
      this.#oversizedPax?.finish();
      this.oversizedSize = this.#oversizedPax?.size;
      this.#oversizedPax = undefined;
      return;
    }
    const data = this.#filling.bytes;
    if (this.#type === PAX_HEADER) this.pax = parsePax(data, this.#offset);
    else if (this.#type === GNU_LONG_NAME) this.longName = untilNul(data);
    else if (this.#type === GNU_LONG_LINK) this.longLink = untilNul(data);
  }

  get any(): boolean {
    return (
      this.pax !== undefined ||
      this.longName !== undefined ||
      this.longLink !== undefined ||
      this.paxFlaw !== undefined ||
      this.nameFlaw !== undefined ||
      this.linkFlaw !== undefined
    );
  }

  /** Returns why an entry with these records can't be shown. */
  flaw(isLink: boolean): string | undefined {
    return this.paxFlaw ?? this.nameFlaw ?? (isLink ? this.linkFlaw : undefined);
  }

  clear(): void {
    this.pax = undefined;
    this.longName = undefined;
    this.longLink = undefined;
    this.paxFlaw = undefined;
    this.nameFlaw = undefined;
    this.linkFlaw = undefined;
    this.oversizedSize = undefined;
  }

  #isOver(): boolean {
    if (this.#type === PAX_HEADER) return this.paxFlaw !== undefined;
    return (this.#type === GNU_LONG_NAME ? this.nameFlaw : this.linkFlaw) !== undefined;
  }
}

function tooLarge(what: string, size: number, limit: number): string {
  return `its ${what} has ${size} bytes, the limit is ${limit}`;
}

/** Returns undefined if the NUL comes first. Then the header's own name counts. */
function untilNul(data: Uint8Array): Uint8Array | undefined {
  const nul = data.indexOf(0);
  const name = nul < 0 ? data : data.subarray(0, nul);
  return name.length > 0 ? name : undefined;
}
