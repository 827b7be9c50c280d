/** An image whose files are known before a server reads them. */
import { createCipheriv } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { dir, file, tarOf, whiteout } from '../../support/tar.js';

/** What a layer does. Paths are absolute. */
export interface SourceLayer {
  files: ReadonlyMap<string, Buffer>;
  removed: readonly string[];
}

/** A file that the image shows. */
export interface SourceFile {
  content: Buffer;
  layer: number; // from 1
}

export const LARGE_FILE = '/srv/large.bin';

/** Buffers of two sockets hold less: a client that does not read it holds its answer up. */
const LARGE_FILE_SIZE = 12 * 1024 ** 2;

/** A name that a URL must escape. */
export const ODD_FILE = '/odd/ä %41&b=c+d#e?.txt';

const DIRECTORIES = 12;
const FILES_OF_DIRECTORY = 25;

const directoryPath = (i: number) => `/srv/d${String(i).padStart(2, '0')}`;
const filePath = (i: number, j: number) => `${directoryPath(i)}/f${String(j).padStart(2, '0')}.txt`;
const text = (path: string, words: string, lines: number) => Buffer.from(`${path} ${words}\n`.repeat(lines));

function baseFiles(): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let i = 0; i < DIRECTORIES; i++)
    for (let j = 0; j < FILES_OF_DIRECTORY; j++)
      files.set(filePath(i, j), text(filePath(i, j), 'of the base', 1 + i * j));
  files.set(ODD_FILE, text('odd', 'name', 3));
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
  files.set(LARGE_FILE, cipher.update(Buffer.alloc(LARGE_FILE_SIZE))); // deflate can't shorten it
  return files;
}

const base: SourceLayer = { files: baseFiles(), removed: [] };

const second: SourceLayer = {
  files: new Map(
    Array.from({ length: 10 }, (_, i) => [filePath(i, 0), text(filePath(i, 0), 'replaced', 2)] as const),
  ),
  removed: [directoryPath(11), filePath(10, 3)],
};

const top: SourceLayer = {
  files: new Map(
    Array.from({ length: 10 }, (_, i) => [`/opt/new/${i}.conf`, text(`${i}`, 'option', 1 + i)] as const),
  ),
  removed: [],
};

const otherTop: SourceLayer = {
  files: new Map([
    [filePath(5, 5), text(filePath(5, 5), 'of the other', 4)],
    ['/opt/other/x', text('x', 'of the other', 1)],
  ]),
  removed: [filePath(0, 1)],
};

/** Layers of the image, base first. */
export const LAYERS = [base, second, top];

/** Layers of the one that it is compared with. */
export const OTHER_LAYERS = [base, second, otherTop];

const made = new Map<SourceLayer, Buffer>();

/** Returns a layer as a registry has it. */
export function layerBytes(layer: SourceLayer): Buffer {
  const bytes = made.get(layer) ?? compressedTar(layer);
  made.set(layer, bytes);
  return bytes;
}

function compressedTar({ files, removed }: SourceLayer): Buffer {
  const directories = new Set([...files.keys(), ...removed].flatMap(parentsOf));
  return gzipSync(
    tarOf(
      ...[...directories].sort().map((path) => dir(path.slice(1))),
      ...[...files].map(([path, content]) => file(path.slice(1), content)),
      ...removed.map((path) => whiteout(path.slice(1))),
    ),
    { level: 1 },
  );
}

/** Returns what layers show, by path: a later layer's file counts, and what it removes is gone. */
export function shownFiles(layers: readonly SourceLayer[]): Map<string, SourceFile> {
  const shown = new Map<string, SourceFile>();
  for (const [i, { files, removed }] of layers.entries()) {
    for (const path of shown.keys())
      if (removed.some((one) => path === one || path.startsWith(`${one}/`))) shown.delete(path);
    for (const [path, content] of files) shown.set(path, { content, layer: i + 1 });
  }
  return shown;
}

/** Directories above a path, without the root. */
export function parentsOf(path: string): string[] {
  const names = path.split('/').slice(1, -1);
  return names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`);
}
