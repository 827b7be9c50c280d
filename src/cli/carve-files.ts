import { LayerslayerError } from '../base/errors.js';
import { SILENT_LOG } from '../base/log.js';
import type { CarveTarget, TargetFile } from '../carve/carve-target.js';
import type { FileResult } from '../carve/file-search.js';
import { FileSearch } from '../carve/file-search.js';
import { matchPattern } from '../carve/path-pattern.js';
import { type CarvedTree, TreeCarver } from '../carve/tree-carver.js';
import { directoryRefusal, foundFile, refusal, type WantedFile } from '../carve/wanted-file.js';
import { openTree } from '../daemon/open-tree.js';
import type { ImageSession } from '../image/image-session.js';
import type { ResolvedImage } from '../image/image-source.js';
import { joinPath, resolvePath } from '../overlay/resolve-path.js';
import { type AskedPath, cleanNames } from './carve-arguments.js';

/** One `carve`. */
export interface CarveJob {
  session: ImageSession;
  image: ResolvedImage;
  numbers: readonly number[]; // of the layers that make the view, base first
  target: CarveTarget;
  verify: boolean;
  recursive: boolean;
  foundFile(result: FileResult, names: readonly Uint8Array[]): void;
  foundTree(carved: CarvedTree, text: WantedFile['text'], names: readonly Uint8Array[]): void;
  failed(error: LayerslayerError, asked: AskedPath): void;
  settled(): Promise<void> | undefined;
  signal: AbortSignal;
}

/** Single files, without reading more than they need. @throws LayerslayerError when a layer can't be read */
export async function carveSingleFiles(job: CarveJob, paths: readonly AskedPath[]): Promise<void> {
  const { session, image, numbers, target, verify, settled, signal } = job;
  const asked = new Map<WantedFile, AskedPath>();
  const files = new Map<WantedFile, TargetFile>();
  for (const one of paths) {
    try {
      if (one.names.length === 0) throw directoryRefusal(one.text);
      target.check(one.names);
      asked.set({ text: one.text, path: one.path ?? [] }, one);
    } catch (error) {
      tell(job, error, one);
    }
  }
  const search = new FileSearch([...asked.keys()], {
    session,
    image,
    numbers,
    verify,
    begin(wanted, file) {
      files.get(wanted)?.discard();
      const out = target.begin(asked.get(wanted)!.names, file);
      files.set(wanted, out);
      return out;
    },
    done(result) {
      const one = asked.get(result.wanted)!;
      try {
        files.get(result.wanted)!.commit();
        job.foundFile(result, one.names);
      } catch (error) {
        tell(job, error, one);
      }
    },
    failed: (wanted, error) => job.failed(error, asked.get(wanted)!),
    settled,
    signal,
  });
  try {
    await search.run();
  } finally {
    for (const file of files.values()) file.discard();
  }
}

/** Patterns, and directories with all below them: every layer is known first. */
export async function carveFromTree(job: CarveJob, paths: readonly AskedPath[]): Promise<void> {
  const { session, image, numbers, target, recursive, settled, signal } = job;
  const opened = await session.openLayers(image, { only: numbers, signal });
  const layers = opened.map((layer, i) => ({ layer, number: numbers[i]! }));
  const tree = await openTree(layers, session.trees, SILENT_LOG);
  let asked: AskedPath | undefined; // that is being worked on
  const carver = new TreeCarver({
    tree,
    layers: new Map(layers.map(({ layer, number }) => [number, layer])),
    target,
    failed: (error) => job.failed(error, asked!),
    settled,
    signal,
  });
  for (asked of paths) {
    const { text, path } = asked;
    const matches = path ? [path] : matchPattern(tree, text);
    if (matches.length === 0) {
      const what = `${JSON.stringify(text)} matches nothing in the image`;
      job.failed(new LayerslayerError('NOT_FOUND', what), asked);
    }
    for (const match of matches) {
      const shown = path ? text : joinPath(match);
      const resolved = resolvePath(tree, match);
      const isFile = resolved.kind === 'found' && tree.kind(resolved.inode) === 'file';
      const isTaken = resolved.kind === 'found' && recursive && carver.takes(resolved.inode);
      const error = isTaken ? undefined : refusal(tree, shown, resolved);
      if (error || resolved.kind !== 'found') {
        if (error) job.failed(error, asked);
        continue;
      }
      const names = cleanNames(match);
      const carved = await carver.carve(resolved.inode, names);
      if (!carved) continue;
      if (!isFile) job.foundTree(carved, shown, names);
      else {
        const file = foundFile(tree, resolved.inode, resolved.names);
        job.foundFile({ wanted: { text: shown, path: match }, file }, names);
      }
    }
  }
}

/** What stops one path only. */
function tell(job: CarveJob, error: unknown, asked: AskedPath): void {
  if (!(error instanceof LayerslayerError)) throw error;
  job.failed(error, asked);
}
