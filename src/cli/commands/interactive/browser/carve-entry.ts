import type { LayerslayerError } from '../../../../base/errors.js';
import { printable } from '../../../../base/text/printable.js';
import { textOfBytes } from '../../../../base/text/raw-text.js';
import { type CarveJob, carveFromTree } from '../../../../carve/carve-files.js';
import { OutputDirectory } from '../../../../carve/output/output-directory.js';
import type { OpenedImage } from '../../../../image/opened-image.js';
import { askedPaths } from '../../../../image/paths/asked-path.js';
import { joinPath } from '../../../../overlay/resolve-path.js';
import { uncomparedLine } from '../../../terminal/uncompared.js';
import { type CarveCost, fileLine, treeLine } from '../../carve/carve-report.js';

/** Faults that are named: a directory may have a million devices. */
const FAULTS_MAX = 100;

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

/**
 * Extracts a file, or a directory with all below it, as `carve -r` does.
 * @returns lines for people: what was found, then what was not
 * @throws the signal's reason
 */
export async function carveEntry(carved: CarvedEntry): Promise<string[]> {
  const { image, layers: numbers, names, directory, signal } = carved;
  const { layers } = image.resolved.manifest;
  const started = performance.now();
  const fetchedBefore = carved.bytesFetched();
  const cost = (): CarveCost => ({
    fetchedBytes: carved.bytesFetched() - fetchedBefore,
    totalBytes: numbers.reduce((sum, number) => sum + layers[number - 1]!.size, 0),
    elapsedMs: performance.now() - started,
  });
  const found: string[] = [];
  const faults: string[] = [];
  let moreFaults = 0;
  const doubt = (uncompared: readonly number[]) => {
    if (uncompared.length > 0) found.push(uncomparedLine(uncompared));
  };
  const fail = (error: unknown) => {
    const { code, message } = carved.shown(error);
    if (faults.length < FAULTS_MAX) faults.push(`${code}: ${message}`);
    else moreFaults++;
  };
  try {
    const job: CarveJob = {
      image,
      numbers,
      where: numbers.length < layers.length ? `layer ${numbers[0]}` : undefined,
      target: new OutputDirectory(directory, { force: false }),
      verify: false,
      recursive: true,
      foundFile(result) {
        found.push(fileLine(result, layers.length, cost()));
        doubt(result.uncompared ?? []);
      },
      foundTree(tree, text, _names, uncompared) {
        found.push(treeLine(text, tree, layers.length, cost()));
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
  const more = moreFaults > 0 ? [`${moreFaults} more failures`] : [];
  return [...found, ...faults, ...more].map(printable);
}
