import { FUSE_IN_HEADER } from './abi.js';
import { getU64, LITTLE_ENDIAN } from './wire.js';

const EMPTY = new Uint8Array(0);
const SLASH = 0x2f;

/**
 * One request, parsed in place. Each reader of the device has one, whose buffer is reused. Getters
 * read the buffer each time and allocate nothing. Returned views are valid until the next request
 * is loaded.
 */
export class FuseRequest {
  readonly #view: DataView;
  /** Bytes that were read, whatever the header says. */
  length = 0;

  /** @param bytes the buffer that requests are read into */
  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether the header is complete. Without one, the request cannot even be rejected. */
  get hasHeader(): boolean {
    return this.length >= FUSE_IN_HEADER.SIZE;
  }

  /** Whether the header is complete and has the right length. */
  get isWellFormed(): boolean {
    return this.hasHeader && this.#u32(FUSE_IN_HEADER.len) === this.length;
  }

  get opcode(): number {
    return this.#u32(FUSE_IN_HEADER.opcode);
  }

  /** The kernel's number of this request. It counts up from 2: 53 bits are enough. */
  get unique(): number {
    return getU64(this.#view, FUSE_IN_HEADER.unique);
  }

  get inode(): number {
    return getU64(this.#view, FUSE_IN_HEADER.nodeid);
  }

  /** Pid of the process that asks; 0 for the kernel itself. */
  get pid(): number {
    return this.#u32(FUSE_IN_HEADER.pid);
  }

  /**
   * Returns whether the argument has at least `size` bytes. Call it once in an operation; the
   * accessors below don't check.
   */
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
   * Returns the name after `skip` bytes of argument, without its NUL. Empty if it is missing, not
   * terminated, or has a slash. A name in a request is never empty, so empty means malformed.
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
