// The index files of a cache, which are published byte for byte. (src/index/FORMAT.md)
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const MAGIC = Buffer.from('\x89LSI\r\n\x1a\n', 'latin1');
const HEADER_LENGTH = 128;
const ROW_LENGTH = 32;
/** Id of the section that is read when it is needed. */
const STATES = 8;

/** Returns the bytes of all index files in a cache, and those without their states. */
export async function indexSizes(workplace, cache) {
  const paths = (await workplace.bash('find "$1" -type f', [cache])).split('\n').filter(Boolean);
  const sizes = paths.map(sizesOf).filter((found) => found !== undefined);
  const sum = (of) => sizes.reduce((all, one) => all + one[of], 0);
  return { files: sum('file'), entries: sum('entries') };
}

function sizesOf(path) {
  const fd = openSync(path, 'r');
  try {
    const { size: file } = fstatSync(fd);
    const read = (offset, length) => {
      const bytes = Buffer.alloc(length);
      readSync(fd, bytes, 0, length, offset);
      return bytes;
    };
    const head = read(0, HEADER_LENGTH);
    if (!head.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    let states = 0;
    for (let row = 0; row < head.readUInt32LE(12); row++) {
      const section = read(HEADER_LENGTH + row * ROW_LENGTH, ROW_LENGTH);
      if (section.readUInt16LE(0) === STATES) states = Number(section.readBigUInt64LE(16));
    }
    return { file, entries: file - states };
  } finally {
    closeSync(fd);
  }
}
