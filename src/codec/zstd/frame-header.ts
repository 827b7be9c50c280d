/** Magic_Number (RFC 8878, 3.1.1), and the first one of skippable frames (3.1.2). */
export const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;

/** Bytes that tell the size of a header: the magic and Frame_Header_Descriptor. */
const DESCRIPTOR_OFFSET = 4;

/** `zstd -d` takes no larger window unless it is asked to. 8 MiB is what RFC 8878 recommends. */
export const WINDOW_MAX = 128 * 1024 * 1024;

export interface FrameHeader {
  size: number; // bytes of the header, with its magic
  window: number; // how far matches may reach, in bytes
  contentSize: number | undefined; // uncompressed bytes of the frame, if it says so
  hasChecksum: boolean; // four bytes follow the last block
  /** Why this frame cannot be read. */
  unsupported?: string;
}

export function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
}

/**
 * Reads a frame's header (RFC 8878, 3.1.1.1), whose magic is right.
 * @returns undefined if more bytes are needed
 */
export function readFrameHeader(memory: Uint8Array, start: number, end: number): FrameHeader | undefined {
  if (end - start <= DESCRIPTOR_OFFSET) return undefined;
  const descriptor = memory[start + DESCRIPTOR_OFFSET]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdSize = [0, 1, 2, 4][descriptor & 3]!;
  const contentSizeSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const windowSize = isSingleSegment ? 0 : 1;
  const size = DESCRIPTOR_OFFSET + 1 + windowSize + dictionaryIdSize + contentSizeSize;
  if (end - start < size) return undefined;

  let at = start + DESCRIPTOR_OFFSET + 1;
  const take = (length: number) => {
    let value = 0; // 2^53 and more are only compared with smaller numbers
    for (let i = length - 1; i >= 0; i--) value = value * 256 + memory[at + i]!;
    at += length;
    return value;
  };
  const windowDescriptor = take(windowSize);
  const dictionaryId = take(dictionaryIdSize);
  const stored = take(contentSizeSize);
  const contentSize = contentSizeSize === 0 ? undefined : contentSizeSize === 2 ? stored + 256 : stored;
  const window = isSingleSegment ? contentSize! : windowOf(windowDescriptor);
  const header: FrameHeader = { size, window, contentSize, hasChecksum: (descriptor & 4) !== 0 };
  if (descriptor & 8) header.unsupported = 'the reserved bit of its frame header is set';
  else if (dictionaryId !== 0) header.unsupported = `it needs the dictionary ${dictionaryId}`;
  else if (window > WINDOW_MAX)
    header.unsupported = `it has a window of ${window} bytes, more than ${WINDOW_MAX}`;
  return header;
}

/** Window_Descriptor (3.1.1.1.2): an exponent, and eighths of that power of two. */
function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
