import { LayerslayerError } from '../../base/errors.js';
import { bytesOfText } from '../../base/text/raw-text.js';
import { openFile } from '../../engine/layer.js';
import type { OpenedImage } from '../../image/opened-image.js';
import { askedPath, resolvePath } from '../../overlay/resolve-path.js';
import type { Tree } from '../../overlay/tree.js';
import { Spool } from '../output/spool.js';
import type { SpooledFile } from '../output/spooled-file.js';
import { type FileResult, FileSearch } from './file-search.js';
import { type FoundFile, refusal, type WantedFile } from './wanted-file.js';

/** A larger file is read by an index only: without one all of it waits on disk. */
const SPOOLED_MAX = 1024 ** 3;

/** Bytes of a chunk of a file that waits on disk. */
const CHUNK_SIZE = 256 * 1024;

/** A part of a file, inside it. */
export interface FilePart {
  offset: number;
  length: number;
}

/** A file that was found in the layers of an image, perhaps before they were read to their ends. */
export interface SearchedFile extends Pick<FoundFile, 'layer' | 'row' | 'names' | 'size'> {
  /** All bytes that decided were compared with digests. */
  isVerified: boolean;
  read(part: FilePart): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Call it once, when the content is not needed any more. */
  close(): void;
}

/**
 * Finds a file of the merged tree, or of one layer's own, without making an index: as `cat` does.
 * @param numbers of the layers, base first
 * @throws LayerslayerError NOT_FOUND; INVALID_ARGUMENT or UNSUPPORTED for what is no file;
 *   UNSUPPORTED past SPOOLED_MAX; as `OpenedImage.scanLayer`; the signal's reason
 */
export async function searchFile(
  image: OpenedImage,
  numbers: readonly number[],
  path: string,
  signal: AbortSignal,
): Promise<SearchedFile> {
  const spool = new Spool();
  let spooled: SpooledFile | undefined;
  let result: FileResult | undefined;
  let failure: LayerslayerError | undefined;
  const wanted = wantedFile(path);
  const search = new FileSearch([wanted], {
    image,
    numbers,
    verify: false,
    begin(_, { size }, isFinal) {
      spooled?.discard();
      spooled = undefined;
      if (isFinal) return undefined; // its layer has the content
      if (size > SPOOLED_MAX) throw tooLarge(size);
      spooled = spool.file(size);
      return spooled;
    },
    done(found) {
      result = found;
    },
    failed(_, error) {
      failure = error;
    },
    signal,
  });
  try {
    await search.run();
    if (failure) throw failure;
    return searchedFile(result!, spooled, spool, signal);
  } catch (error) {
    spool.close();
    throw error;
  }
}

/**
 * Finds a file in a tree: what `searchFile` would find in its layers.
 * @throws LayerslayerError NOT_FOUND; INVALID_ARGUMENT or UNSUPPORTED for what is no file
 */
export function fileInTree(tree: Tree, path: string): { inode: number; names: readonly Uint8Array[] } {
  const wanted = wantedFile(path);
  const resolved = resolvePath(tree, wanted.path);
  const fault = refusal(tree, wanted, resolved);
  if (fault || resolved.kind !== 'found') throw fault;
  return resolved;
}

function wantedFile(path: string): WantedFile {
  const advice = { directory: undefined, special: 'it has no content' };
  return { text: path, path: askedPath(bytesOfText(path)), advice };
}

function searchedFile(
  { file, layer, unverified, uncompared = [] }: FileResult,
  spooled: SpooledFile | undefined,
  spool: Spool,
  signal: AbortSignal,
): SearchedFile {
  const { row, size, names } = file;
  return {
    layer: file.layer,
    row,
    names,
    size,
    isVerified: unverified === undefined && uncompared.length === 0,
    read: (part) => (spooled ? chunksOf(spooled, part) : openFile(layer!, row, { ...part, signal })),
    close: () => spool.close(),
  };
}

function* chunksOf(spooled: SpooledFile, { offset, length }: FilePart): Generator<Uint8Array> {
  const end = offset + length;
  for (let at = offset; at < end; at += CHUNK_SIZE)
    yield new Uint8Array(spooled.read(at, Math.min(CHUNK_SIZE, end - at)));
}

function tooLarge(size: number): LayerslayerError {
  const why = `a file of ${size} bytes in a layer without an index: ask for the tree first`;
  return new LayerslayerError('UNSUPPORTED', why);
}
