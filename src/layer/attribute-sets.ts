import { LayerslayerError } from '../base/errors.js';
import type { ExtendedAttribute, TarEntry } from '../tar/entry.js';

/** Owner, mode, device and xattrs of an entry. A layer has few different ones, so rows share them by number. */
export interface AttributeSet {
  mode: number;
  uid: number;
  gid: number;
  deviceMajor: number;
  deviceMinor: number;
  xattrs: readonly ExtendedAttribute[];
}

/** Bytes that a set costs beside its xattrs: an object, its key and its place in the map (estimated). */
const SET_COST = 128;

/** Numbers the different sets of a layer, in the order of their first entries. */
export class AttributeSets {
  readonly list: AttributeSet[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #limit: number;
  #bytes = 0;
  #last = 0; // entries side by side are mostly alike

  /** @param limit bytes of all sets, each xattr name and value and SET_COST counted */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @returns the place of the entry's set in `list`
   * @throws LayerslayerError UNSUPPORTED past the limit
   */
  numberOf(entry: TarEntry): number {
    const last = this.list[this.#last];
    if (last && isPlainAlike(last, entry)) return this.#last;
    this.#last = this.#find(entry);
    return this.#last;
  }

  #find(entry: TarEntry): number {
    const { mode, uid, gid, deviceMajor, deviceMinor } = entry;
    let key = `${mode} ${uid} ${gid} ${deviceMajor} ${deviceMinor}`;
    for (const { name, value } of entry.xattrs) {
      // The lengths keep apart what would read the same end to end.
      key += ` ${name.length} ${value.length} ${latin1(name)}${latin1(value)}`;
    }
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#bytes += key.length + SET_COST;
    if (this.#bytes > this.#limit) {
      throw new LayerslayerError(
        'UNSUPPORTED',
        `the layer's different owners, modes and extended attributes take more than the limit of ${this.#limit} bytes`,
      );
    }
    // The scanner's byte arrays may be views of memory that it uses again.
    const xattrs = entry.xattrs.map(({ name, value }) => ({
      name: new Uint8Array(name),
      value: new Uint8Array(value),
    }));
    const number = this.list.push({ mode, uid, gid, deviceMajor, deviceMinor, xattrs }) - 1;
    this.#numbers.set(key, number);
    return number;
  }
}

/** Alike, and without xattrs: those would have to be compared byte by byte. */
function isPlainAlike(a: AttributeSet, b: TarEntry): boolean {
  return (
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.deviceMajor === b.deviceMajor &&
    a.deviceMinor === b.deviceMinor &&
    a.xattrs.length === 0 &&
    b.xattrs.length === 0
  );
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
