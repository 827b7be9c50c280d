import { FUSE_IN_HEADER } from './abi.js';
import { getU64, LITTLE_ENDIAN } from './wire.js';

const EMPTY = new Uint8Array(0);
const SLASH = 0x2f;

/**
 * One request, parsed in place: each reader of the device has one of these and fills its buffer again and again.
 * Getters read the wire each time and allocate nothing. Views handed out are valid until the next request is loaded.
 */
export class FuseRequest {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** Bytes that came, not what the header claims. */
  length = 0;

  /** @param bytes the buffer that requests are read into */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** There is a whole header to read; without one the request cannot even be refused. */
  get hasHeader(): boolean {
    return this.length >= FUSE_IN_HEADER.SIZE;
  }

  /** There is a header, and it tells the truth about the length. */
  get isWellFormed(): boolean {
    return this.hasHeader && this.#u32(FUSE_IN_HEADER.len) === this.length;
  }

  get opcode(): number {
    return this.#u32(FUSE_IN_HEADER.opcode);
  }

  /** The kernel's number of this request: it counts up from 2, so that 53 bits last for ever. */
  get unique(): number {
    return getU64(this.#view, FUSE_IN_HEADER.unique);
  }

  get inode(): number {
    return getU64(this.#view, FUSE_IN_HEADER.nodeid);
  }

  /** Of the process that asks; 0 when it is the kernel itself. */
  get pid(): number {
    return this.#u32(FUSE_IN_HEADER.pid);
  }

  /** Whether the argument has `size` bytes or more. Checked once an operation; the accessors below don't. */
  hasArgument(size: number): boolean {
    return this.length >= FUSE_IN_HEADER.SIZE + size;
  }

  argumentU32(offset: number): number {
    return this.#u32(FUSE_IN_HEADER.SIZE + offset);
  }

  argumentU64(offset: number): number {
    return getU64(this.#view, FUSE_IN_HEADER.SIZE + offset);
  }

  /**
   * The name after `skip` bytes of argument, without its NUL. Empty when it is missing, not ended or holds a slash:
   * no name on the wire is empty, so empty means malformed.
   */
  name(skip: number): Uint8Array {
    const start = FUSE_IN_HEADER.SIZE + skip;
    if (start >= this.length) return EMPTY;
    const end = this.bytes.indexOf(0, start);
    if (end === -1 || end >= this.length) return EMPTY;
    const name = this.bytes.subarray(start, end);
    return name.includes(SLASH) ? EMPTY : name;
  }

  #u32(offset: number): number {
    return this.#view.getUint32(offset, LITTLE_ENDIAN);
  }
}
