import { LayerslayerError } from '../base/errors.js';
import { SILENT_LOG } from '../base/log.js';
import type { CarveTarget, TargetFile } from '../carve/carve-target.js';
import { type FileResult, FileSearch, type Unverified } from '../carve/file-search.js';
import { matchPattern } from '../carve/path-pattern.js';
import { SpooledFile } from '../carve/spooled-file.js';
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
  /** @param unverified the fault was found in a layer that was not read to its end */
  failed(error: LayerslayerError, asked: AskedPath, unverified?: Unverified): void;
  settled(): Promise<void> | undefined;
  signal: AbortSignal;
}

/** Single files, without reading more than they need. @throws LayerslayerError when a layer can't be read */
export async function carveSingleFiles(job: CarveJob, paths: readonly AskedPath[]): Promise<void> {
  const { session, image, numbers, target, verify, settled, signal } = job;
  const asked = new Map<WantedFile, AskedPath>();
  const files = new Map<WantedFile, TargetFile>();
  const spooled = new Map<WantedFile, SpooledFile>();
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
    begin(wanted, file, isFinal) {
      files.get(wanted)?.discard();
      spooled.get(wanted)?.discard();
      if (target.isStream && !isFinal) {
        const spool = new SpooledFile(file.size);
        spooled.set(wanted, spool);
        return spool;
      }
      spooled.delete(wanted);
      const out = target.begin(asked.get(wanted)!.names, file);
      files.set(wanted, out);
      return out;
    },
    async done(result) {
      const one = asked.get(result.wanted)!;
      try {
        const spool = spooled.get(result.wanted);
        const out = spool ? target.begin(one.names, result.file) : files.get(result.wanted)!;
        await spool?.copyTo(out, settled, signal);
        out.commit();
        job.foundFile(result, one.names);
      } catch (error) {
        tell(job, error, one);
      }
    },
    failed: (wanted, error, unverified) => job.failed(error, asked.get(wanted)!, unverified),
    settled,
    signal,
  });
  try {
    await search.run();
  } finally {
    for (const file of [...files.values(), ...spooled.values()]) file.discard();
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
      const isDirectory = resolved.kind === 'found' && tree.kind(resolved.inode) === 'dir';
      const error = isDirectory && recursive ? undefined : refusal(tree, shown, resolved);
      if (error || resolved.kind !== 'found') {
        if (error) job.failed(error, asked);
        continue;
      }
      const names = cleanNames(match);
      const carved = await carver.carve(resolved.inode, names);
      if (!carved) continue;
      if (isDirectory) job.foundTree(carved, shown, names);
      else {
        const file = foundFile(tree, resolved.inode, resolved.names);
        job.foundFile({ wanted: { text: shown, path: match }, file }, names);
      }
    }
  }
}

/** What stops one path only. */
function tell(job: CarveJob, error: unknown, asked: AskedPath): void {
  if (job.signal.aborted || !(error instanceof LayerslayerError)) throw error;
  job.failed(error, asked);
}
