import type { LayerslayerError } from '../../base/errors.js';
import { openFile } from '../../engine/layer.js';
import { cleanNames } from '../../image/paths/asked-path.js';
import { Spool } from '../output/spool.js';
import type { SpooledFile } from '../output/spooled-file.js';
import { type FileResult, FileSearch, type FileSearchOptions } from './file-search.js';
import { directoryRefusal, type FoundFile, type WantedFile } from './wanted-file.js';

export type StreamFileOptions = Pick<FileSearchOptions, 'image' | 'numbers' | 'where'> & {
  signal: AbortSignal;
};

/** A file that a search found, to be read once. */
export interface StreamedFile extends Pick<FileResult, 'unverified' | 'uncompared'> {
  file: FoundFile;
  /** All of its bytes. The chunks belong to the receiver. */
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Ends its use: what waits in a temporary file is dropped. */
  close(): void;
}

/**
 * Finds one file in as few bytes as possible, as `carve` does. Content that a scan passed waits in
 * memory or in a temporary file, since a later entry of the layer may replace it. Other content is
 * fetched as it is read.
 * @throws LayerslayerError if the path leads to no file, or a layer can't be read; the signal's
 *   reason
 */
export async function streamFile(
  wanted: WantedFile,
  { signal, ...options }: StreamFileOptions,
): Promise<StreamedFile> {
  if (cleanNames(wanted.path).length === 0) throw directoryRefusal(wanted); // the root needs no search
  const spool = new Spool();
  try {
    const { result, content } = await search(wanted, { signal, ...options }, spool);
    const { file, layer, unverified, uncompared } = result;
    const bytes = content ? content.chunks() : openFile(layer!, file.row, { signal });
    return {
      file,
      bytes,
      ...(unverified && { unverified }),
      ...(uncompared && { uncompared }),
      close: () => spool.close(),
    };
  } catch (error) {
    spool.close();
    throw error;
  }
}

/** @returns the content if it was captured */
async function search(
  wanted: WantedFile,
  options: StreamFileOptions,
  spool: Spool,
): Promise<{ result: FileResult; content: SpooledFile | undefined }> {
  let content: SpooledFile | undefined;
  let result: FileResult | undefined;
  let failure: LayerslayerError | undefined;
  const found = new FileSearch([wanted], {
    ...options,
    verify: false,
    begin(_, { size }, isFinal) {
      content?.discard();
      content = isFinal ? undefined : spool.file(size); // an index leads to final content
      return content;
    },
    done(one) {
      result = one;
    },
    failed(_, error) {
      failure = error;
    },
  });
  await found.run();
  if (!result) throw failure!;
  return { result, content };
}
