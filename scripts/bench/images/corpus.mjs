// Real bytes to measure with, made once a run from the machine's own files.
import { createHash } from 'node:crypto';
import { createWriteStream, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Larger ones are few, and make a corpus of one program. */
const MAX_FILE_SIZE = 60_000_000; // bytes
const MAX_TEXT_SIZE = 2_000_000; // bytes; above are tables and bundles

const TEXT_NAME = /\.(?:py|pm|pl|h|txt|html|xml|md)$|\/copyright$/;

/**
 * Folders below `/`, and the share of the size that each may fill. The rest of a share goes to the
 * next folder. Where folders overlap, a file is taken once.
 */
export const SHARES = {
  // ELF-heavy, as most layers are.
  usr: [
    ['usr/bin', 0.3],
    ['usr/sbin', 0.05],
    ['usr/lib/*-linux-gnu', 0.45],
    ['usr/share', 0.15],
    ['usr', 1],
  ],
  // Sources, documentation, translations.
  text: [['usr', 1]],
};

/**
 * Returns paths below `/`, parents before children, of about `size` bytes of files. Folders are
 * taken only with a file of theirs.
 * @param shares as in SHARES
 * @param taken paths to skip; the chosen paths are added
 */
export async function chooseFiles(workplace, shares, size, { only = () => true, taken = new Set() } = {}) {
  const chosen = [];
  const take = (path) => {
    const parent = dirname(path);
    if (parent !== '.' && !taken.has(parent)) take(parent);
    taken.add(path);
    chosen.push(path);
  };
  let used = 0;
  let allowed = 0;
  for (const [folder, share] of shares) {
    allowed = Math.min(size, Math.max(allowed, used) + share * size);
    for (const { path, type, bytes, links } of await listed(workplace, folder)) {
      // A hard link to what is taken already is a header in the tar, no bytes.
      const length = type === 'f' && !taken.has(links) ? bytes : 0;
      if (taken.has(path) || length > MAX_FILE_SIZE || used + length > allowed) continue;
      if (!only(path, type, length)) continue;
      take(path);
      if (type === 'f' && !links.startsWith('1:')) taken.add(links);
      used += length;
    }
  }
  return chosen;
}

/**
 * Lists files and symlinks below `/FOLDER` (a pattern of the shell), sorted, so that two runs on
 * one machine measure the same bytes.
 */
async function listed(workplace, folder) {
  const found = await workplace.bash(
    `cd /; find ${folder} -xdev '(' -type f -o -type l ')' -printf '%y %s %n:%D:%i %p\\0' 2>/dev/null | LC_ALL=C sort -z -k4 || true`,
  );
  return found
    .split('\0')
    .filter((record) => record !== '')
    .map((record) => {
      const [type, bytes, links] = record.split(' ', 3);
      const path = record.slice([type, bytes, links].join(' ').length + 1);
      return { type, bytes: Number(bytes), links, path };
    });
}

const GZIP_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Compressors: what reads a tar and writes a layer. */
const GZIP = { argv: ['gzip', '-6', '-n'], suffix: '.tar.gz', mediaType: GZIP_TYPE };
/** One frame, and the window that containerd, buildkit and podman use: 8 MiB. */
export const ZSTD = {
  argv: ['zstd', '-q', '-3', '--single-thread', '--zstd=wlog=23', '-c'],
  suffix: '.tar.zst',
  mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

/**
 * Returns a compressed tar (gzip of level 6, as gzip and docker use) of at least 200 MB of the
 * kind's files, where the machine has them.
 */
export async function corpusOf(kind, size, workplace, compressor = GZIP) {
  const only =
    kind === 'text'
      ? (path, type, length) => type === 'f' && length <= MAX_TEXT_SIZE && TEXT_NAME.test(path)
      : undefined;
  const files = await chooseFiles(workplace, SHARES[kind], size, { only });
  return writeLayer(workplace, kind, tarOf(workplace, kind, files), compressor);
}

/** A file of random bytes: deflate stores them. */
export function randomCorpus(size, workplace) {
  const source = `head -c ${size} /dev/urandom >random && tar -c random && rm random`;
  const child = workplace.start(['bash', '-c', `cd ${workplace.folder('tmp')} && ${source}`]);
  return writeLayer(workplace, 'random', child.stdout);
}

/** A stream of the tar of these paths below `/`. */
export function tarOf(workplace, name, paths) {
  const list = join(workplace.folder('lists'), name);
  writeFileSync(list, paths.map((path) => `${path}\0`).join(''));
  const argv = ['tar', '-c', '--numeric-owner', '--no-recursion', '-C', '/', '--null', '-T', list];
  return workplace.start(argv, { stdio: ['ignore', 'pipe', 'ignore'] }).stdout;
}

/**
 * Compresses a tar into a file.
 * @param tar a stream or (async) iterable of bytes
 * @returns what an image says of a layer, and where it is
 */
export async function writeLayer(workplace, name, tar, { argv, suffix, mediaType } = GZIP) {
  const path = join(workplace.folder('layers'), `${name}${suffix}`);
  const compressor = workplace.start(argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const uncompressed = new Digesting();
  const compressed = new Digesting();
  await Promise.all([
    pipeline(tar, uncompressed, compressor.stdin),
    pipeline(compressor.stdout, compressed, createWriteStream(path)),
  ]);
  return {
    path,
    mediaType,
    size: statSync(path).size,
    tarSize: uncompressed.size,
    digest: compressed.digest(),
    diffId: uncompressed.digest(),
  };
}

class Digesting extends Transform {
  size = 0;
  #hash = createHash('sha256');

  _transform(chunk, _encoding, done) {
    this.size += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }

  digest() {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}
