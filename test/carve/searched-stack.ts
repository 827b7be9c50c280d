import type { FileSearchOptions } from '#src/carve/search/file-search.js';
import type { WantedFile } from '#src/carve/search/wanted-file.js';
import type { LayerObserver } from '#src/engine/layer-observer.js';
import { splitPath } from '#src/overlay/resolve-path.js';
import type { TarEntry } from '#src/tar/entry.js';
import type { Stack } from '../overlay/trees.js';
import { entriesOf, layerWith, type TestEntry } from '../support/entries.js';

const BLOCK = 512;

export const asked = (text: string): WantedFile => ({ text, path: splitPath(Buffer.from(text)) });

/** The entry as a scanner hands it out. */
export function asTarEntry(entry: TestEntry, dataOffset: number): TarEntry {
  const isFile = entry.kind === 'file';
  return {
    kind: entry.kind,
    path: entry.path,
    linkTarget: entry.linkTarget,
    mode: entry.mode ?? 0o644,
    uid: 0,
    gid: 0,
    size: isFile ? entry.content.length : 0,
    mtimeSeconds: entry.mtime ?? 0,
    mtimeNanoseconds: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
    dataOffset,
    storedSize: isFile ? entry.content.length : 0,
    sparse: undefined,
  };
}

/** An image whose layers are lists of entries, and a record of how far each was gone through. */
export class SearchedStack {
  /** By layer number: entries that walks have told of. Layers that were opened whole are not here. */
  readonly walked = new Map<number, number>();
  readonly opened = new Set<number>();
  readonly stopped = new Set<number>();

  /**
   * @param kept layers with a cached index
   * @param pageRows a scan with enough continues to a multiple of this many entries
   */
  constructor(
    private readonly stack: Stack,
    private readonly kept: ReadonlySet<number> = new Set(),
    private readonly pageRows = 1,
    private readonly layerSize = 100_000_000, // bytes
  ) {}

  get image(): FileSearchOptions['image'] {
    const layers = this.stack.map(() => ({ size: this.layerSize }));
    const resolved = { manifest: { layers } } as unknown as FileSearchOptions['image']['resolved'];
    return {
      resolved,
      cachedLayer: async (number) => (this.kept.has(number) ? this.#opened(number) : undefined),
      layers: async (options) =>
        options!.only!.map((number) => {
          this.opened.add(number);
          return this.#opened(number);
        }),
      scanLayer: async (number, watcher) => this.#walk(number, watcher),
    };
  }

  #opened(number: number) {
    const layer = this.#layer(number);
    return { number, layer, entries: layer.entries };
  }

  #layer(number: number) {
    return layerWith(number, ...this.stack[number - 1]!);
  }

  async #walk(number: number, watcher: LayerObserver) {
    const entries = this.stack[number - 1]!;
    let at = 0;
    let passed = 0; // entries
    for (const [row, entry] of entries.entries()) {
      const told = asTarEntry(entry, at + BLOCK);
      this.walked.set(number, Math.max(this.walked.get(number) ?? 0, row + 1));
      const soFar = () => entriesOf(...entries.slice(0, passed));
      passed = row + 1;
      let enough = watcher.onEntry(told, row, soFar);
      at += BLOCK;
      const content = Buffer.alloc(Math.ceil(told.storedSize / BLOCK) * BLOCK);
      content.set(entry.content.subarray(0, told.storedSize));
      // In two pieces, as they come.
      for (const part of [content.subarray(0, 2), content.subarray(2)]) {
        if (part.length === 0) continue;
        enough = watcher.onBytes?.(part, at) ?? false;
        at += part.length;
      }
      await watcher.settled?.();
      // At its end, the layer was read whole and is verified.
      if (!enough || (row + 1) % this.pageRows !== 0 || row === entries.length - 1) continue;
      this.stopped.add(number);
      return { readBytes: at };
    }
    return { layer: this.#layer(number), isScanned: true };
  }
}
