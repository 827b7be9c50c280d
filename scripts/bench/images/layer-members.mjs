// Members of layers for the writers of formats with tables: as little tar as the bench needs.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, writeSync } from 'node:fs';

export const TAR_BLOCK = 512;
/** Uncompressed bytes of a chunk or span: what the published tools make. */
export const PART_SIZE = 4 * 1024 * 1024;

const sha256 = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export { sha256 };

/** Files of the machine, as members. @param paths below `/`, parents before children */
export function membersOf(paths) {
  return paths.flatMap((path) => {
    const { mode, mtimeMs, size, isFile, ...rest } = statOf(path);
    const common = { path, mode: mode & 0o7777, mtime: Math.floor(mtimeMs / 1000) };
    if (rest.isDirectory) return [{ ...common, path: `${path}/`, type: 'dir' }];
    if (rest.isSymbolicLink) return [{ ...common, type: 'symlink', target: readlinkSync(`/${path}`) }];
    return isFile ? [{ ...common, type: 'reg', size, content: () => readFileSync(`/${path}`) }] : [];
  });
}

function statOf(path) {
  const stat = lstatSync(`/${path}`);
  const { mode, mtimeMs, size } = stat;
  const kinds = {
    isFile: stat.isFile(),
    isDirectory: stat.isDirectory(),
    isSymbolicLink: stat.isSymbolicLink(),
  };
  return { mode, mtimeMs, size, ...kinds };
}

/** A small file that large ones of random bytes surround. */
export function surrounded(path, content, largeSize) {
  const large = (name) => randomFile(`${path}-${name}`, largeSize);
  return [large('before'), { ...file(path, content.length), content: () => content }, large('behind')];
}

/** A file of random bytes, other ones each time that it is written. */
export function randomFile(path, size) {
  return { ...file(path, size), content: () => randomBytes(size) };
}

const file = (path, size) => ({ path, type: 'reg', mode: 0o644, mtime: 1_700_000_000, size });

const TYPES = { reg: '0', symlink: '2', dir: '5' };

/** @returns undefined for a name that has no room in it */
export function tarHeader({ path, type, mode, mtime, size = 0, target = '' }) {
  const header = Buffer.alloc(TAR_BLOCK);
  const split = splitName(path);
  if (!split || Buffer.byteLength(target) > 100) return undefined;
  const octal = (value, at, length) => header.write(value.toString(8).padStart(length - 1, '0'), at);
  header.write(split.name, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(mtime, 136, 12);
  header.write('        ', 148);
  header.write(TYPES[type], 156);
  header.write(target, 157);
  header.write('ustar\x0000', 257, 'latin1');
  header.write(split.prefix, 345);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function splitName(path) {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name !== '' && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155)
      return { name, prefix };
  }
  return undefined;
}

export const padding = (size) => Buffer.alloc((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);
/** The end of a tar. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK);

/** Yields the parts of a file's content. */
export function* partsOf(content) {
  for (let at = 0; at < content.length; at += PART_SIZE) yield content.subarray(at, at + PART_SIZE);
}

/** A layer that is being written: its digest and that of its tar come at the end. */
export class LayerFile {
  #path;
  #fd;
  #compressed = createHash('sha256');
  #uncompressed = createHash('sha256');
  size = 0;
  tarSize = 0;

  constructor(path) {
    this.#path = path;
    this.#fd = openSync(path, 'w');
  }

  /** @param bytes of the compressed layer */
  write(bytes) {
    writeSync(this.#fd, bytes);
    this.#compressed.update(bytes);
    this.size += bytes.length;
  }

  /** @param bytes of the tar */
  tar(bytes) {
    this.#uncompressed.update(bytes);
    this.tarSize += bytes.length;
  }

  /** @returns what an image says of a layer, and where it is */
  close(more) {
    closeSync(this.#fd);
    return {
      path: this.#path,
      size: this.size,
      tarSize: this.tarSize,
      digest: `sha256:${this.#compressed.digest('hex')}`,
      diffId: `sha256:${this.#uncompressed.digest('hex')}`,
      ...more,
    };
  }
}
