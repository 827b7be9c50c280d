import { LayerslayerError } from '../base/errors.js';
import type { Layer } from '../layer/layer.js';
import { joinPath } from '../overlay/resolve-path.js';
import type { Tree } from '../overlay/tree.js';
import type { CarveTarget, KeptAttributes } from './carve-target.js';
import { copyContent } from './copy-content.js';
import { foundFile, specialRefusal } from './wanted-file.js';

export interface TreeCarverOptions {
  tree: Tree;
  layers: ReadonlyMap<number, Layer>; // by number
  target: CarveTarget;
  /** A part that is not extracted; the others still are. */
  failed(error: LayerslayerError): void;
  settled?(): Promise<void> | undefined;
  signal?: AbortSignal;
}

/** What was extracted below one path. */
export interface CarvedTree {
  files: number;
  bytes: number;
  layers: Set<number>; // that files came from
}

interface Step {
  inode: number;
  names: readonly Uint8Array[]; // in the target
  isEnd?: true; // of a directory whose children were extracted
}

/** Extracts parts of a merged tree whose layers all have an index. */
export class TreeCarver {
  readonly #options: TreeCarverOptions;
  /** Names of files with more than one, as they were written. */
  readonly #written = new Map<number, readonly Uint8Array[]>();

  constructor(options: TreeCarverOptions) {
    this.#options = options;
  }

  /**
   * Extracts a file, or a directory with all below it, to `names` in the target. Symlinks below stay symlinks.
   * @returns undefined when not even the file, or the directory, could be made
   * @throws LayerslayerError when content can't be read; the signal's reason
   */
  async carve(inode: number, names: readonly Uint8Array[]): Promise<CarvedTree | undefined> {
    const { tree, target, signal } = this.#options;
    const carved: CarvedTree = { files: 0, bytes: 0, layers: new Set() };
    const ahead: Step[] = [{ inode, names }]; // a stack
    let isMade = false;
    for (let step = ahead.pop(); step; step = ahead.pop()) {
      signal?.throwIfAborted();
      if (step.isEnd) {
        this.#try(() => target.endDirectory(step.names, this.#attributes(step.inode)));
        continue;
      }
      const kind = tree.kind(step.inode);
      if (kind === 'file') isMade = (await this.#file(step, carved)) || isMade;
      else if (kind === 'symlink') this.#symlink(step);
      else if (kind !== 'dir') this.#options.failed(specialRefusal(joinPath(step.names), kind));
      else if (this.#try(() => beganDirectory(target, step.names, this.#attributes(step.inode)))) {
        isMade = true;
        ahead.push({ ...step, isEnd: true });
        for (let at = tree.childEnd(step.inode) - 1; at >= tree.childStart(step.inode); at--) {
          ahead.push({ inode: tree.dentryInode(at), names: [...step.names, tree.dentryName(at)] });
        }
      }
    }
    return isMade ? carved : undefined;
  }

  /** @returns whether it was made */
  async #file({ inode, names }: Step, carved: CarvedTree): Promise<boolean> {
    const { tree, target, layers, settled, signal } = this.#options;
    const attributes = this.#attributes(inode);
    const first = this.#written.get(inode);
    if (first && target.link) {
      target.link(names, first, attributes);
      carved.files++;
      return true;
    }
    const file = foundFile(tree, inode, names);
    const layer = layers.get(file.layer);
    if (!layer)
      throw new LayerslayerError('INTERNAL', `the tree names layer ${file.layer}, which is not open`);
    const out = this.#try(() => target.begin(names, { ...attributes, size: file.size }));
    if (!out) return false;
    try {
      await copyContent(layer, file, out, { settled, ...(signal && { signal }) });
      out.commit();
    } finally {
      out.discard();
    }
    if (tree.nlink(inode) > 1) this.#written.set(inode, names);
    carved.files++;
    carved.bytes += file.size;
    carved.layers.add(file.layer);
    return true;
  }

  #symlink({ inode, names }: Step): void {
    const { tree, target } = this.#options;
    this.#try(() => target.symlink(names, tree.linkTarget(inode), this.#attributes(inode)));
  }

  /** A name that is taken stops only what is to have it; a full disk stops all. */
  #try<T>(task: () => T): T | undefined {
    try {
      return task();
    } catch (error) {
      if (!(error instanceof LayerslayerError) || error.code !== 'IO_FAILED') throw error;
      this.#options.failed(error);
      return undefined;
    }
  }

  #attributes(inode: number): KeptAttributes {
    const { tree } = this.#options;
    return {
      mode: tree.mode(inode),
      uid: tree.uid(inode),
      gid: tree.gid(inode),
      mtimeSeconds: tree.mtimeSeconds(inode),
      mtimeNanoseconds: tree.mtimeNanoseconds(inode),
    };
  }
}

function beganDirectory(target: CarveTarget, names: readonly Uint8Array[], attributes: KeptAttributes): true {
  target.beginDirectory(names, attributes);
  return true;
}
