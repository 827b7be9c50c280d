/**
 * What extension headers said about the entry that comes next. Of two headers of one kind in a row the last counts,
 * whole: the later PAX header's records replace all of the earlier one's, as in Go.
 */
import { corruptTar } from './corrupt.js';
import { ExtensionData } from './extension-data.js';
import { GNU_LONG_LINK, GNU_LONG_NAME, PAX_HEADER } from './header.js';
import { MAX_LONG_NAME_SIZE, MAX_PAX_SIZE } from './limits.js';
import { type PaxRecords, parsePax } from './pax.js';

export class PendingRecords {
  pax: PaxRecords | undefined;
  longName: Uint8Array | undefined; // beats the PAX path, as in Go
  longLink: Uint8Array | undefined;

  // One scratch a kind: their views live side by side until the entry was handed out.
  readonly #paxData = new ExtensionData();
  readonly #nameData = new ExtensionData();
  readonly #linkData = new ExtensionData();
  #filling = this.#paxData;
  #type = PAX_HEADER;
  #offset = 0; // of the extension header that is being gathered

  /**
   * Begins to gather the data of an extension header.
   * @throws LayerslayerError CORRUPT_LAYER when it is larger than its limit
   */
  begin(type: number, size: number, offset: number): void {
    this.#type = type;
    this.#offset = offset;
    if (type === PAX_HEADER) {
      this.#filling = this.#paxData;
      this.#checkSize('PAX header', size, MAX_PAX_SIZE);
    } else {
      this.#filling = type === GNU_LONG_NAME ? this.#nameData : this.#linkData;
      this.#checkSize('GNU long name', size, MAX_LONG_NAME_SIZE);
    }
    this.#filling.begin(size);
  }

  /** Takes what is wanted of `[start, end)`; returns how many bytes that were. */
  take(memory: Uint8Array, start: number, end: number): number {
    return this.#filling.take(memory, start, end);
  }

  /** Bytes still to come of what is being gathered. */
  get missing(): number {
    return this.#filling.missing;
  }

  /** Call when nothing is missing. */
  complete(): void {
    const data = this.#filling.bytes;
    if (this.#type === PAX_HEADER) this.pax = parsePax(data, this.#offset);
    else if (this.#type === GNU_LONG_NAME) this.longName = untilNul(data);
    else if (this.#type === GNU_LONG_LINK) this.longLink = untilNul(data);
  }

  get any(): boolean {
    return this.pax !== undefined || this.longName !== undefined || this.longLink !== undefined;
  }

  clear(): void {
    this.pax = undefined;
    this.longName = undefined;
    this.longLink = undefined;
  }

  #checkSize(what: string, size: number, limit: number): void {
    if (size > limit) {
      throw corruptTar(this.#offset, `${what} of ${size} bytes, more than the limit of ${limit}`);
    }
  }
}

/** Undefined when nothing stands before the NUL: the header's own name counts then. */
function untilNul(data: Uint8Array): Uint8Array | undefined {
  const nul = data.indexOf(0);
  const name = nul < 0 ? data : data.subarray(0, nul);
  return name.length > 0 ? name : undefined;
}
