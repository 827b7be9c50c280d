import { type ErrorCode, LayerslayerError } from '../base/errors.js';
import type { OperationOptions } from '../engine/image-session.js';
import type { Layer } from '../engine/layer.js';
import { type OpenedImage, uncomparedLayers } from '../image/opened-image.js';
import type { AskedPath } from '../image/paths/asked-path.js';
import { DeletionHints } from '../image/paths/deletion-hint.js';
import { matchesOf, noMatch } from '../image/paths/find-paths.js';
import { joinPath, resolvePath } from '../overlay/resolve-path.js';
import { copyContent } from './copy-content.js';
import { OrderedContents, type WaitingContent } from './output/ordered-contents.js';
import { SequentialSink } from './output/sequential-sink.js';
import { Spool } from './output/spool.js';
import type { SpooledFile } from './output/spooled-file.js';
import { FileSearch, type Unverified } from './search/file-search.js';
import { directoryRefusal, refusal, type WantedFile } from './search/wanted-file.js';

/** One `cat`. */
export interface CatJob {
  image: OpenedImage;
  numbers: readonly number[]; // of the layers that make the view, base first
  where?: string | undefined; // name of that view in messages; default: the image
  verify: boolean;
  /** Takes the bytes before it returns. */
  write(bytes: Uint8Array): void;
  /** @param unverified the layer with the fault was not read to its end */
  failed(error: LayerslayerError, asked: AskedPath, unverified?: Unverified): void;
  /** Called for each answer that was not compared with all bytes of its layers. */
  doubt(unverified: Unverified | undefined, uncompared: readonly number[]): void;
  settled(): Promise<void> | undefined;
  signal: AbortSignal;
  onProgress: OperationOptions['onProgress'];
}

/** A path may lead elsewhere than to a file: what the error adds to that. */
const ADVICE = { directory: undefined, special: 'it has no contents to print' };

/** Faults of one file or layer: others can be written. */
const FILE_FAULTS = new Set<ErrorCode>(['CORRUPT_LAYER', 'DIGEST_MISMATCH', 'UNSUPPORTED', 'NOT_FOUND']);

/**
 * Writes the contents of files in the order of their paths. One search finds them all, and reads no
 * more than they need. What it passes before its turn waits in a spool.
 * @param words paths in the order of the output, perhaps some more than once
 * @param needsTree the paths are likely patterns: all layers are opened at once
 * @throws LayerslayerError if a layer can't be read, after what the layers above it have; the
 *   signal's reason
 */
export async function catFiles(
  job: CatJob,
  words: readonly AskedPath[],
  { needsTree }: { needsTree: boolean },
): Promise<void> {
  const { signal } = job;
  const contents = new OrderedContents(words, (asked, error) => {
    if (signal.aborted || !(error instanceof LayerslayerError) || !FILE_FAULTS.has(error.code)) throw error;
    job.failed(error, asked);
  });
  const paths = [...new Set(words)];
  const spool = new Spool();
  try {
    const patterns = needsTree ? paths : await searchFiles(job, paths, contents, spool);
    if (patterns.length > 0) await findInTree(job, patterns, contents);
    await contents.writeReady();
  } catch (error) {
    signal.throwIfAborted();
    await contents.writeRest();
    throw error;
  } finally {
    contents.discard();
    spool.close();
  }
}

/** @returns paths that are missing and may be patterns; not reported yet */
async function searchFiles(
  job: CatJob,
  paths: readonly AskedPath[],
  contents: OrderedContents<AskedPath>,
  spool: Spool,
): Promise<AskedPath[]> {
  const { image, numbers, verify, where, settled, signal, onProgress } = job;
  const asked = new Map<WantedFile, AskedPath>();
  const spooled = new Map<WantedFile, SpooledFile>();
  const patterns: AskedPath[] = [];
  const fail = (one: AskedPath, error: LayerslayerError, unverified?: Unverified) => {
    contents.set(one, []);
    job.failed(error, one, unverified);
  };
  for (const one of paths) {
    // The root needs no search.
    if (one.names.length === 0) fail(one, directoryRefusal({ text: one.text, advice: ADVICE }));
    else asked.set({ text: one.text, path: one.path, advice: ADVICE }, one);
  }
  const search = new FileSearch([...asked.keys()], {
    image,
    numbers,
    verify,
    begin(wanted, { size }, isFinal) {
      spooled.get(wanted)?.discard();
      spooled.delete(wanted);
      // An indexed layer has the content when its turn comes.
      if (isFinal) return undefined;
      const file = spool.file(size);
      spooled.set(wanted, file);
      return file;
    },
    async done({ wanted, file, layer, unverified, uncompared = [] }) {
      const content = spooled.get(wanted);
      contents.set(asked.get(wanted)!, [
        content ? spooledContent(job, content, file.size) : indexedContent(job, layer!, file),
      ]);
      job.doubt(unverified, uncompared);
      await contents.writeReady();
    },
    failed(wanted, error, unverified) {
      const one = asked.get(wanted)!;
      spooled.get(wanted)?.discard();
      if (one.pattern && error.code === 'NOT_FOUND') patterns.push(one);
      else fail(one, error, unverified);
    },
    where,
    settled,
    signal,
    onProgress,
  });
  await search.run();
  return patterns;
}

/** Finds patterns in the merged tree: every layer is known first. */
async function findInTree(
  job: CatJob,
  paths: readonly AskedPath[],
  contents: OrderedContents<AskedPath>,
): Promise<void> {
  const { image, numbers, where, signal, onProgress } = job;
  const { layers, byNumber, tree } = await image.view({ only: numbers, signal, onProgress });
  const uncompared = uncomparedLayers(layers);
  const hints = new DeletionHints();
  for (const asked of paths) {
    const found: WaitingContent[] = [];
    let failure: LayerslayerError | undefined;
    const matches = matchesOf(asked, { tree, layers, takesDirectories: false });
    if (matches.length === 0) failure = noMatch(asked, where);
    for (const match of matches) {
      const isItself = match === asked.path;
      const resolved = resolvePath(tree, match);
      const hint = isItself ? hints.find(layers, match, resolved) : undefined;
      const wanted = { text: isItself ? asked.text : joinPath(match), advice: ADVICE };
      const refused = refusal(tree, wanted, resolved, { where, hint });
      if (refused) job.failed(refused, asked);
      else if (resolved.kind === 'found') {
        const row = tree.rowOf(resolved.inode);
        const layer = byNumber.get(tree.layerOf(resolved.inode))!;
        found.push(indexedContent(job, layer, { row, size: layer.entries.size(row) }));
      }
    }
    if (failure) job.failed(failure, asked);
    if (found.length > 0) job.doubt(undefined, uncompared);
    contents.set(asked, found);
    await contents.writeReady();
  }
}

function spooledContent(
  { write, settled, signal }: CatJob,
  content: SpooledFile,
  size: number,
): WaitingContent {
  return {
    async write() {
      await content.copyTo(new SequentialSink(size, write), settled, signal);
    },
    discard: () => content.discard(),
  };
}

function indexedContent(
  { write, settled, signal }: CatJob,
  layer: Layer,
  file: { row: number; size: number },
): WaitingContent {
  const out = () => new SequentialSink(file.size, write);
  return { write: () => copyContent(layer, file, out(), { settled, signal }) };
}
