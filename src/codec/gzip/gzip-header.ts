import { crc32 } from 'node:zlib';

/** RFC 1952, 2.3: ID1, ID2, CM, FLG, MTIME (4), XFL, OS. */
const FIXED_SIZE = 10;
const ID1 = 0x1f;
const ID2 = 0x8b;
const CM_DEFLATE = 8;

/** FLG bits that "must be zero": they could announce a field that we would take for data. */
const RESERVED_FLAGS = 0xe0;

type Field = 'fixed' | 'extra length' | 'extra' | 'name' | 'comment' | 'crc' | 'end';

/** The optional fields in their order, each with its FLG bit. FTEXT (1) announces none. */
const OPTIONAL_FIELDS: readonly { flag: number; field: Field }[] = [
  { flag: 4, field: 'extra length' },
  { flag: 8, field: 'name' },
  { flag: 16, field: 'comment' },
  { flag: 2, field: 'crc' },
];

/**
 * Reads one gzip member's header (RFC 1952, 2.3) in pieces of any size. No field is stored: a
 * hostile blob may have a file name of gigabytes.
 */
export class GzipHeader {
  /** Why this is no gzip header, undefined while it may be one. */
  fault: string | undefined;
  #field: Field = 'fixed';
  #fieldRead = 0; // bytes of the field so far
  #optional = 0; // index of the next optional field to look for
  #flags = 0;
  #extraLength = 0;
  #crc = 0; // CRC32 of the header so far
  #storedCrc = 0;

  /** The whole header is read, and valid. */
  get done(): boolean {
    return this.#field === 'end' && this.fault === undefined;
  }

  /**
   * Reads `memory` from `start`, at most to `end`, and nothing after a fault.
   * @returns the index after the last byte of the header
   */
  read(memory: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && this.fault === undefined && this.#field !== 'crc' && this.#field !== 'end') {
      at = this.#readField(memory, at, end);
    }
    this.#crc = crc32(memory.subarray(start, at), this.#crc); // of all bytes before the field that stores it
    while (at < end && this.#field === 'crc') this.#readCrcByte(memory[at++]!);
    return at;
  }

  #readField(memory: Uint8Array, at: number, end: number): number {
    switch (this.#field) {
      case 'fixed':
        this.#readFixedByte(memory[at]!);
        return at + 1;
      case 'extra length':
        this.#extraLength |= memory[at]! << (8 * this.#fieldRead++);
        if (this.#fieldRead === 2) this.#enter('extra');
        return at + 1;
      case 'extra': {
        const length = Math.min(end - at, this.#extraLength - this.#fieldRead);
        this.#fieldRead += length;
        if (this.#fieldRead === this.#extraLength) this.#enterNext();
        return at + length;
      }
      default: {
        // Name and comment end with a NUL.
        const nul = memory.subarray(at, end).indexOf(0);
        if (nul < 0) return end;
        this.#enterNext();
        return at + nul + 1;
      }
    }
  }

  #readFixedByte(byte: number): void {
    const index = this.#fieldRead++;
    if (index === 0 && byte !== ID1) this.fault = `got first byte ${byte}, want ${ID1}`;
    else if (index === 1 && byte !== ID2) this.fault = `got second byte ${byte}, want ${ID2}`;
    else if (index === 2 && byte !== CM_DEFLATE)
      this.fault = `got compression method ${byte}, want ${CM_DEFLATE}`;
    else if (index === 3) {
      this.#flags = byte;
      if (byte & RESERVED_FLAGS) this.fault = `got reserved flags ${byte & RESERVED_FLAGS}, want 0`;
    } else if (index === FIXED_SIZE - 1) this.#enterNext();
  }

  #readCrcByte(byte: number): void {
    this.#storedCrc |= byte << (8 * this.#fieldRead++);
    if (this.#fieldRead < 2) return;
    this.#enter('end');
    const want = this.#crc & 0xffff;
    if (this.#storedCrc !== want) this.fault = `got header checksum ${this.#storedCrc}, want ${want}`;
  }

  #enter(field: Field): void {
    this.#field = field;
    this.#fieldRead = 0;
  }

  #enterNext(): void {
    while (this.#optional < OPTIONAL_FIELDS.length) {
      const { flag, field } = OPTIONAL_FIELDS[this.#optional++]!;
      if (this.#flags & flag) {
        this.#enter(field);
        return;
      }
    }
    this.#enter('end');
  }
}
