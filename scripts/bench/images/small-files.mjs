// A tar of very many small files, made without touching a disk.

const BLOCK = 512; // bytes; ustar's unit
/** A small file's content: one block. */
const CONTENT_SIZE = 200; // bytes
/** Records are handed on in pieces of about this size. */
const PIECE_SIZE = 1024 * 1024;
const MTIME = 1_700_000_000; // seconds since 1970

/**
 * The bytes of a tar with `directories` directories that hold `files` files, evenly.
 * (POSIX.1-1988 ustar; all values fit its fields)
 */
export function* smallFilesTar(files, directories) {
  const each = files / directories;
  const pieces = new Pieces();
  for (let d = 0; d < directories; d++) {
    pieces.add(header(directoryPath(d), 0o755, 0, '5'));
    for (let f = 0; f < each; f++) {
      const path = smallFilePath(files, directories, d * each + f);
      pieces.add(header(path, 0o644, CONTENT_SIZE, '0'));
      pieces.add(content(path));
      if (pieces.length >= PIECE_SIZE) yield pieces.take();
    }
  }
  pieces.add(Buffer.alloc(2 * BLOCK));
  yield pieces.take();
}

/**
 * A layer above: it replaces every fiftieth file, and removes every fiftieth but one.
 */
export function* changedFilesTar(files, directories) {
  const pieces = new Pieces();
  for (let f = 0; f < files; f++) {
    const path = smallFilePath(files, directories, f);
    if (isReplaced(f)) {
      pieces.add(header(path, 0o600, CONTENT_SIZE, '0'));
      pieces.add(content(`changed ${path}`));
    } else if (isRemoved(f)) {
      pieces.add(header(path.replace(/[^/]+$/, '.wh.$&'), 0o644, 0, '0'));
    }
  }
  pieces.add(Buffer.alloc(2 * BLOCK));
  yield pieces.take();
}

const CHANGED_ONE_OF = 50;
export const isReplaced = (file) => file % CHANGED_ONE_OF === 0;
export const isRemoved = (file) => file % CHANGED_ONE_OF === 1;

/** Path of a file from its number, without a slash before it. */
export function smallFilePath(files, directories, file) {
  const directory = Math.floor(file / (files / directories));
  return `${directoryPath(directory)}component-${String(file).padStart(6, '0')}.js`;
}

const directoryPath = (directory) => `data/directory-${String(directory).padStart(4, '0')}/`;

class Pieces {
  #list = [];
  length = 0;

  add(bytes) {
    this.#list.push(bytes);
    this.length += bytes.length;
  }

  take() {
    const bytes = Buffer.concat(this.#list);
    this.#list = [];
    this.length = 0;
    return bytes;
  }
}

function content(path) {
  const block = Buffer.alloc(BLOCK);
  block.fill(`export const name = '${path}';\n`, 0, CONTENT_SIZE, 'latin1');
  return block;
}

function header(path, mode, size, typeflag) {
  const block = Buffer.alloc(BLOCK);
  block.write(path, 0, 'latin1');
  block.write(octal(mode, 7), 100, 'latin1');
  block.write(octal(0, 7), 108, 'latin1');
  block.write(octal(0, 7), 116, 'latin1');
  block.write(octal(size, 11), 124, 'latin1');
  block.write(octal(MTIME, 11), 136, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write(typeflag, 156, 'latin1');
  block.write('ustar\0', 257, 'latin1');
  block.write('00', 263, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return block;
}

const octal = (value, digits) => value.toString(8).padStart(digits, '0');
