import type { LayerslayerError } from '../../../../../base/errors.js';
import { printable } from '../../../../../base/text/printable.js';
import { printableName } from '../../../../../base/text/printable-name.js';
import { textOfBytes } from '../../../../../base/text/raw-text.js';
import { type CarveJob, carveFromTree } from '../../../../../carve/carve-files.js';
import { OutputDirectory } from '../../../../../carve/output/output-directory.js';
import type { OpenedImage } from '../../../../../image/opened-image.js';
import { askedPaths } from '../../../../../image/paths/asked-path.js';
import { joinPath } from '../../../../../overlay/resolve-path.js';
import { RepeatedFaults } from '../../../../terminal/wording/repeated-faults.js';
import { countText, formatSize } from '../../../../terminal/wording/size.js';
import { uncomparedLine } from '../../../../terminal/wording/uncompared.js';
import { type CarveCost, fileLine, fileRecord, treeLine, treeRecord } from '../../../carve/carve-report.js';

export interface CarvedEntry {
  image: OpenedImage;
  layers: readonly number[]; // of the view that has the entry, base first
  names: readonly Uint8Array[];
  directory: string; // where it goes, absolute
  directoryShown: string; // the same for people
  force: boolean; // replaces files that are there
  /** Bytes that the session has fetched so far. */
  bytesFetched(): number;
  /** Returns an error as it may be shown. */
  shown(error: unknown): LayerslayerError;
  signal: AbortSignal;
}

/** What `carve` would print of one PATH. */
export interface CarveResults {
  found: { line: string; record: object; shown: string }[]; // for people, for programs, in the browser
  notes: string[]; // for stderr: what was not extracted, and what is not verified
}

/**
 * Extracts a file, or a directory with all below it, as `carve -r` does.
 * @throws the signal's reason
 */
export async function carveEntry(carved: CarvedEntry): Promise<CarveResults> {
  const { image, layers: numbers, names, directory, force, signal } = carved;
  const place = `${carved.directoryShown}${printableName(joinPath(names))}`;
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
  const faults = new RepeatedFaults();
  const doubt = (uncompared: readonly number[]) => {
    if (uncompared.length > 0) notes.push(uncomparedLine(uncompared));
  };
  const fail = (error: unknown) => {
    const known = carved.shown(error);
    if (faults.takes(known)) notes.push(withoutFlags(known.message));
  };
  try {
    const target = new OutputDirectory(directory, { force });
    const job: CarveJob = {
      image,
      numbers,
      where: numbers.length < layers.length ? `layer ${numbers[0]}` : undefined,
      target,
      verify: false,
      recursive: true,
      foundFile(result, at) {
        const record = fileRecord(result, layers.length, cost(), target.display(at));
        const shown = `carved to ${place} (${formatSize(result.file.size)})`;
        found.push({ line: fileLine(result, layers.length, cost()), record, shown });
        doubt(result.uncompared ?? []);
      },
      foundTree(tree, text, at, uncompared) {
        const record = treeRecord(text, tree, layers.length, cost(), target.display(at), uncompared);
        const shown = `carved to ${place} (${countText(tree.files, 'file')}, ${formatSize(tree.bytes)})`;
        found.push({ line: treeLine(text, tree, layers.length, cost()), record, shown });
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
  for (const line of faults.rest()) notes.push(withoutFlags(line));
  return { found, notes };
}

/** The browser has keys instead of options. */
function withoutFlags(message: string): string {
  return printable(message.replace(/: --force replaces it$/, ''));
}
