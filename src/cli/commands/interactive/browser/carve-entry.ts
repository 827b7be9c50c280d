import type { LayerslayerError } from '../../../../base/errors.js';
import { printable } from '../../../../base/text/printable.js';
import { textOfBytes } from '../../../../base/text/raw-text.js';
import { type CarveJob, carveFromTree } from '../../../../carve/carve-files.js';
import { OutputDirectory } from '../../../../carve/output/output-directory.js';
import type { OpenedImage } from '../../../../image/opened-image.js';
import { askedPaths } from '../../../../image/paths/asked-path.js';
import { joinPath } from '../../../../overlay/resolve-path.js';
import { countText } from '../../../terminal/size.js';
import { uncomparedLine } from '../../../terminal/uncompared.js';
import { type CarveCost, fileLine, fileRecord, treeLine, treeRecord } from '../../carve/carve-report.js';

/** Lines at most: a directory may have a million devices. */
const NOTES_MAX = 100;

export interface CarvedEntry {
  image: OpenedImage;
  layers: readonly number[]; // of the view that has the entry, base first
  names: readonly Uint8Array[];
  directory: string; // where it goes, absolute
  /** Bytes that the session has fetched so far. */
  bytesFetched(): number;
  /** Returns an error as it may be shown. */
  shown(error: unknown): LayerslayerError;
  signal: AbortSignal;
}

/** What `carve` would print of one PATH. */
export interface CarveResults {
  found: { line: string; record: object }[]; // for people, for programs
  notes: string[]; // for stderr: what was not extracted, and what is not verified
}

/**
 * Extracts a file, or a directory with all below it, as `carve -r` does.
 * @throws the signal's reason
 */
export async function carveEntry(carved: CarvedEntry): Promise<CarveResults> {
  const { image, layers: numbers, names, directory, signal } = carved;
  const { layers } = image.resolved.manifest;
  const started = performance.now();
  const fetchedBefore = carved.bytesFetched();
  const cost = (): CarveCost => ({
    fetchedBytes: carved.bytesFetched() - fetchedBefore,
    totalBytes: numbers.reduce((sum, number) => sum + layers[number - 1]!.size, 0),
    elapsedMs: performance.now() - started,
  });
  const found: CarveResults['found'] = [];
  const notes: string[] = [];
  let moreFaults = 0;
  const doubt = (uncompared: readonly number[]) => {
    if (uncompared.length > 0) notes.push(uncomparedLine(uncompared));
  };
  const fail = (error: unknown) => {
    const { code, message } = carved.shown(error);
    if (notes.length < NOTES_MAX) notes.push(printable(`${code}: ${message}`));
    else moreFaults++;
  };
  try {
    const target = new OutputDirectory(directory, { force: false });
    const job: CarveJob = {
      image,
      numbers,
      where: numbers.length < layers.length ? `layer ${numbers[0]}` : undefined,
      target,
      verify: false,
      recursive: true,
      foundFile(result, at) {
        const record = fileRecord(result, layers.length, cost(), target.display(at));
        found.push({ line: fileLine(result, layers.length, cost()), record });
        doubt(result.uncompared ?? []);
      },
      foundTree(tree, text, at, uncompared) {
        const record = treeRecord(text, tree, layers.length, cost(), target.display(at), uncompared);
        found.push({ line: treeLine(text, tree, layers.length, cost()), record });
        doubt(uncompared);
      },
      failed: fail,
      settled: () => undefined,
      signal,
      onProgress: undefined,
    };
    await carveFromTree(job, askedPaths([textOfBytes(joinPath(names))]));
  } catch (error) {
    signal.throwIfAborted();
    fail(error);
  }
  if (moreFaults > 0) notes.push(countText(moreFaults, 'more failure'));
  return { found, notes };
}
