/** The tree that layers make, by a naive merge of their files: what the explorer has to show. */

import { dir, file, opaque, tarOf, whiteout } from '../../support/tar.js';

/** A layer as its author writes it. Paths have no slash at the beginning. */
export interface SourceLayer {
  step: string; // what a Dockerfile says
  files: Readonly<Record<string, string | Uint8Array>>;
  removed?: readonly string[]; // files or directories of lower layers
  emptied?: readonly string[]; // directories that lose what lower layers have in them
}

export interface SourceFile {
  bytes: Buffer;
  layer: number; // from 1
}

/** A file that upper layers delete or replace. */
export interface HiddenFile extends SourceFile {
  path: string;
  by: number; // layer
}

/** Returns the layer as a tar, with all directories. */
export function layerTar(layer: SourceLayer): Buffer {
  const { files, removed = [], emptied = [] } = layer;
  return tarOf(
    ...directoriesOf(layer).map((path) => dir(`${path}/`)),
    ...emptied.map((path) => opaque(path)),
    ...removed.map((path) => whiteout(path)),
    ...Object.entries(files).map(([path, content]) => file(path, content)),
  );
}

/** Returns the directories that a layer names, parents first. */
function directoriesOf({ files, removed = [], emptied = [] }: SourceLayer): string[] {
  const paths = [...Object.keys(files), ...removed, ...emptied.map((path) => `${path}/x`)];
  return [...new Set(paths.flatMap(parentsOf))].sort();
}

/** `a/b/c` has `a` and `a/b`. */
function parentsOf(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

/** The files of an image, and what its layers hide. */
export class SourceTree {
  readonly files = new Map<string, SourceFile>(); // by path
  readonly directories = new Set<string>();
  readonly hidden: HiddenFile[] = [];
  readonly #layers: readonly SourceLayer[];

  constructor(layers: readonly SourceLayer[]) {
    this.#layers = layers;
    for (const [index, { files, removed = [], emptied = [] }] of layers.entries()) {
      const layer = index + 1;
      for (const path of [...this.files.keys(), ...this.directories]) {
        const isGone = removed.some((one) => path === one || path.startsWith(`${one}/`));
        if (!isGone && !emptied.some((one) => path.startsWith(`${one}/`))) continue;
        this.#hide(path, layer);
        this.directories.delete(path);
      }
      for (const path of directoriesOf(layers[index]!)) this.directories.add(path);
      for (const [path, content] of Object.entries(files)) {
        this.#hide(path, layer);
        this.files.set(path, { bytes: Buffer.from(content), layer });
      }
    }
  }

  #hide(path: string, by: number): void {
    const file = this.files.get(path);
    if (file) this.hidden.push({ ...file, path, by });
    this.files.delete(path);
  }

  bytes(path: string): Buffer {
    return this.files.get(path)!.bytes;
  }

  text(path: string): string {
    return this.bytes(path).toString();
  }

  /** Returns the names in a directory, in the order of their bytes. @param path empty: the root */
  names(path: string): string[] {
    const prefix = path === '' ? '' : `${path}/`;
    const below = [...this.files.keys(), ...this.directories].filter((one) => one.startsWith(prefix));
    return [...new Set(below.map((one) => one.slice(prefix.length).split('/')[0]!))].sort();
  }

  /** Returns the sum of all files in and below a directory. */
  size(path: string): number {
    const below = [...this.files].filter(([one]) => path === '' || one.startsWith(`${path}/`));
    return below.reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
  }

  /** Returns the paths of all versions whose name ends so, also of those that are hidden. */
  endingWith(suffix: string): string[] {
    const paths = [...this.files.keys(), ...this.hidden.map(({ path }) => path)];
    return paths.filter((path) => path.endsWith(suffix)).sort();
  }

  /** Returns `change layer` of each version of a file, newest first. */
  history(path: string): string[] {
    let isThere = false;
    const versions = this.#layers.flatMap(({ files, removed = [] }, index) => {
      const before = isThere;
      if (files[path] !== undefined) isThere = true;
      else if (removed.includes(path)) isThere = false;
      else return [];
      return [`${!isThere ? 'removed' : before ? 'changed' : 'added'} ${index + 1}`];
    });
    return versions.reverse();
  }

  /** Returns what another image has `+` added, `−` removed and `~` changed, by path. */
  changesTo(other: SourceTree): string[] {
    const [from, to] = [this, other].map(({ files, directories }) => [...files.keys(), ...directories]);
    const isChanged = (path: string) => {
      const [before, after] = [this, other].map(({ files }) => files.get(path)?.bytes);
      return before !== undefined && after !== undefined && !before.equals(after);
    };
    return [...new Set([...from!, ...to!])].sort().flatMap((path) => {
      if (!from!.includes(path)) return [`+ ${path}`];
      if (!to!.includes(path)) return [`− ${path}`];
      return isChanged(path) ? [`~ ${path}`] : [];
    });
  }
}

const MIB = 1024 * 1024;

/** `34 B`, `1.5 KiB`, `3.0 MiB` */
export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < MIB ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}
