import { LayerslayerError } from '../base/errors.js';
import { shownName } from '../base/text/quote-name.js';
import { bytesOfText } from '../base/text/raw-text.js';
import type { OperationOptions } from '../engine/image-session.js';
import { type OpenedImage, uncomparedLayers } from '../image/opened-image.js';
import { type AskedPath, cleanNames } from '../image/paths/asked-path.js';
import { DeletionHints } from '../image/paths/deletion-hint.js';
import { matchesOf, noMatch } from '../image/paths/find-paths.js';
import { joinPath, type Resolved, resolvePath } from '../overlay/resolve-path.js';
import type { CarveTarget, TargetFile } from './output/carve-target.js';
import { Spool } from './output/spool.js';
import { SpooledFile } from './output/spooled-file.js';
import { type FileResult, FileSearch, type Unverified } from './search/file-search.js';
import { directoryRefusal, foundFile, refusal, type WantedFile } from './search/wanted-file.js';
import { type CarvedTree, TreeCarver } from './tree-carver.js';

/** One `carve`. */
export interface CarveJob {
  image: OpenedImage;
  numbers: readonly number[]; // of the layers that make the view, base first
  where?: string | undefined; // name of that view in messages; default: the image
  target: CarveTarget;
  verify: boolean;
  recursive: boolean;
  foundFile(result: FileResult, names: readonly Uint8Array[]): void;
  /** @param uncompared layers whose index was not compared with their bytes */
  foundTree(
    carved: CarvedTree,
    text: WantedFile['text'],
    names: readonly Uint8Array[],
    uncompared: readonly number[],
  ): void;
  /** @param unverified the layer with the fault was not read to its end */
  failed(error: LayerslayerError, asked: AskedPath, unverified?: Unverified): void;
  settled(): Promise<void> | undefined;
  signal: AbortSignal;
  onProgress: OperationOptions['onProgress'];
}

/**
 * Extracts single files, reading no more than they need.
 * @returns paths that are missing and may be patterns; not reported yet
 * @throws LayerslayerError if a layer can't be read
 */
export async function carveSingleFiles(job: CarveJob, paths: readonly AskedPath[]): Promise<AskedPath[]> {
  const { image, numbers, target, verify, settled, signal, onProgress } = job;
  const asked = new Map<WantedFile, AskedPath>();
  const sinks = new Map<WantedFile, TargetFile | SpooledFile>();
  const refused = new Map<WantedFile, LayerslayerError>(); // by the target
  const patterns: AskedPath[] = [];
  const spool = new Spool();
  for (const one of paths) {
    try {
      if (one.names.length === 0) throw directoryRefusal(one);
      target.check(one.names);
      asked.set({ text: one.text, path: one.path }, one);
    } catch (error) {
      tell(job, error, one);
    }
  }
  const search = new FileSearch([...asked.keys()], {
    image,
    numbers,
    verify,
    begin(wanted, file, isFinal) {
      sinks.get(wanted)?.discard();
      sinks.delete(wanted);
      refused.delete(wanted);
      try {
        const isSpooled = target.isStream && !isFinal;
        const { names } = asked.get(wanted)!;
        const sink = isSpooled ? spool.file(file.size) : target.begin(names, file);
        sinks.set(wanted, sink);
        return sink;
      } catch (error) {
        // Reported when the answer is certain: a later entry may be a directory.
        if (!(error instanceof LayerslayerError) || error.code !== 'IO_FAILED') throw error;
        refused.set(wanted, error);
        return undefined;
      }
    },
    async done(result) {
      const one = asked.get(result.wanted)!;
      try {
        const fault = refused.get(result.wanted);
        if (fault) throw fault;
        const sink = sinks.get(result.wanted)!;
        const isSpooled = sink instanceof SpooledFile;
        const out = isSpooled ? target.begin(one.names, result.file) : sink;
        if (isSpooled) await sink.copyTo(out, settled, signal);
        out.commit();
        job.foundFile(result, one.names);
      } catch (error) {
        tell(job, error, one);
      }
    },
    failed(wanted, error, unverified) {
      const one = asked.get(wanted)!;
      if (one.pattern && error.code === 'NOT_FOUND') patterns.push(one);
      else job.failed(error, one, unverified);
    },
    where: job.where,
    settled,
    signal,
    onProgress,
  });
  try {
    await search.run();
  } finally {
    for (const sink of sinks.values()) sink.discard();
    spool.close();
  }
  return patterns;
}

/** Patterns, and directories with all below them: every layer is known first. */
export async function carveFromTree(job: CarveJob, paths: readonly AskedPath[]): Promise<void> {
  const { image, numbers, target, recursive, settled, signal, onProgress } = job;
  const { layers, byNumber, tree } = await image.view({ only: numbers, signal, onProgress });
  const uncompared = uncomparedLayers(layers);
  const hints = new DeletionHints();
  let asked: AskedPath | undefined; // that is being worked on
  const carver = new TreeCarver({
    tree,
    layers: byNumber,
    target,
    failed: (error) => job.failed(error, asked!),
    settled,
    signal,
  });
  for (asked of paths) {
    const matches = matchesOf(asked, { tree, layers, takesDirectories: recursive });
    const found: {
      match: readonly Uint8Array[];
      shown: WantedFile['text'];
      resolved: Resolved & { kind: 'found' };
    }[] = [];
    const refused: { error: LayerslayerError; isDirectory: boolean }[] = [];
    for (const match of matches) {
      const isItself = match === asked.path;
      const shown = isItself ? asked.text : joinPath(match);
      const resolved = resolvePath(tree, match);
      const kind = resolved.kind === 'found' ? tree.kind(resolved.inode) : undefined;
      const isTaken = resolved.kind === 'found' && recursive && carver.takes(resolved.inode);
      const context = { where: job.where, hint: isItself ? hints.find(layers, match, resolved) : undefined };
      const error = isTaken ? undefined : refusal(tree, { text: shown }, resolved, context);
      if (error) refused.push({ error, isDirectory: kind === 'dir' });
      else if (resolved.kind === 'found') found.push({ match, shown, resolved });
    }
    // For stdout, directories that a pattern matches beside the one file don't count.
    const isOneFile = target.isStream && found.length === 1;
    for (const { error, isDirectory } of refused) if (!(isOneFile && isDirectory)) job.failed(error, asked);
    const isEmpty = matches.length === 0;
    const failed = isEmpty ? noMatch(asked, job.where) : target.isStream && tooMany(asked, found.length);
    if (failed) {
      job.failed(failed, asked);
      continue;
    }
    for (const { match, shown, resolved } of found) {
      const { inode } = resolved;
      const names = cleanNames(match);
      const carved = await carver.carve(inode, names);
      if (!carved) continue;
      if (tree.kind(inode) !== 'file') job.foundTree(carved, shown, names, uncompared);
      else {
        const layer = tree.layerOf(inode);
        const { entries } = byNumber.get(layer)!;
        const file = foundFile(entries, { layer, row: tree.rowOf(inode), names: resolved.names });
        job.foundFile({ wanted: { text: shown, path: match }, file, uncompared }, names);
      }
    }
  }
}

/** stdout takes only one file without -r. */
function tooMany({ text }: AskedPath, matches: number): LayerslayerError | undefined {
  if (matches <= 1) return undefined;
  const what = `${shownName(bytesOfText(text))} matches ${matches}`;
  return new LayerslayerError('INVALID_ARGUMENT', `-o - writes one file, but ${what}: use -r for a tar`);
}

/** What stops one path only. */
function tell(job: CarveJob, error: unknown, asked: AskedPath): void {
  if (job.signal.aborted || !(error instanceof LayerslayerError)) throw error;
  job.failed(error, asked);
}
