import type { LayerWatcher } from '../image/layer-watcher.js';
import type { EntryTable } from '../layer/entry-table.js';
import type { NumberedLayer } from '../overlay/merge.js';
import type { Resolved } from '../overlay/resolve-path.js';
import { UpperLayers } from '../overlay/upper-layers.js';
import type { TarEntry } from '../tar/entry.js';
import { Capture, type ContentPlace } from './capture.js';
import { PathWatch } from './path-watch.js';
import { SoleEntries } from './sole-entries.js';
import { type ContentSink, type FoundFile, foundFile, refusal, type WantedFile } from './wanted-file.js';

/**
 * How often the layers known so far are merged on the way through one layer. Each symlink on a path's way costs one; a layer
 * made to cost more is read to its end, and then asked.
 */
const LOOKS_MAX = 100;

/** What was found of one wanted file before its layer's end. */
export type Sighting =
  | { kind: 'file'; file: FoundFile } // in this layer or above
  | { kind: 'refused'; error: Error };

/** A file whose content has passed, or is passing. */
export interface CapturedFile {
  row: number;
  capture: Capture;
}

export interface LayerSearchOptions {
  number: number; // of this layer
  upper: readonly NumberedLayer[]; // all above it, base first
  view: UpperLayers; // of those, and certain
  isLowest: boolean;
  wanted: readonly WantedFile[];
  /** Begins a file that is found in this layer as it passes. */
  begin(wanted: WantedFile, file: FoundFile): ContentSink;
  settled?(): Promise<void> | undefined;
}

/**
 * Looks for files along a layer while the layers below it are not known, and takes their contents as they pass. It has seen
 * enough when all of them are certain: the first occurrence of a path in the layer counts. (CLI.md, "carve")
 */
export class LayerSearch implements LayerWatcher {
  /** Known for certain, but for a later entry of the same path. */
  readonly sightings = new Map<WantedFile, Sighting>();
  readonly captured = new Map<WantedFile, CapturedFile>();
  readonly #options: LayerSearchOptions;
  readonly #watch = new PathWatch();
  readonly #soles: SoleEntries | undefined;
  readonly #missing = new Map<WantedFile, Resolved & { kind: 'missing' }>();
  #looks = 0;

  constructor(options: LayerSearchOptions) {
    this.#options = options;
    for (const wanted of options.wanted) {
      const resolved = options.view.resolve(wanted.path);
      if (resolved.kind === 'missing') this.#missing.set(wanted, resolved);
    }
    this.#watch.aim(this.#missing.values());
    if (options.upper.length === 0) this.#soles = new SoleEntries(options.wanted);
  }

  onEntry(entry: TarEntry, row: number, soFar: () => EntryTable): boolean {
    const sole = this.#soles?.see(entry, row);
    if (sole && !this.sightings.has(sole)) this.#take(sole, entry, row);
    if (this.#watch.concerns(entry) && this.#looks++ < LOOKS_MAX) this.#look(entry, row, soFar());
    return this.#hasEnough;
  }

  onBytes(bytes: Uint8Array, offset: number): boolean {
    for (const { capture } of this.captured.values()) if (!capture.isComplete) capture.pass(bytes, offset);
    return this.#hasEnough;
  }

  /** Whether what was captured on the way is what a merge of the whole layer, which has so many rows, would say. */
  isFinal(wanted: WantedFile, rows: number): boolean {
    const isLast = this.captured.get(wanted)?.row === rows - 1; // nothing came after the look that found it
    return isLast || this.#soles?.has(wanted) === true;
  }

  settled(): Promise<void> | undefined {
    return this.#options.settled?.();
  }

  get #hasEnough(): boolean {
    if (this.sightings.size < this.#options.wanted.length) return false;
    for (const { capture } of this.captured.values()) if (!capture.isComplete) return false;
    return true;
  }

  #look(entry: TarEntry, row: number, entries: EntryTable): void {
    const { number, upper, isLowest, wanted } = this.#options;
    const view = new UpperLayers([{ entries, number }, ...upper], isLowest);
    if (!view.isCertain) return;
    for (const one of wanted) {
      if (this.sightings.has(one)) continue;
      const resolved = view.resolve(one.path);
      if (resolved.kind === 'missing') this.#missing.set(one, copied(resolved));
      // Not `no-directory` nor `loop`: a later entry may mend them.
      if (resolved.kind !== 'found') continue;
      this.#missing.delete(one);
      const error = refusal(view.tree, one.text, resolved);
      if (error) {
        this.sightings.set(one, { kind: 'refused', error });
        continue;
      }
      const file = foundFile(view.tree, resolved.inode, resolved.names);
      this.sightings.set(one, { kind: 'file', file });
      if (file.layer === number && file.row === row) this.#capture(one, file, entry);
    }
    this.#watch.aim(this.#missing.values());
  }

  /** The entry is the file, without a look. */
  #take(wanted: WantedFile, entry: TarEntry, row: number): void {
    const { size, mode, uid, gid, mtimeSeconds, mtimeNanoseconds } = entry;
    const names = wanted.path.map((name) => new Uint8Array(name));
    const file: FoundFile = {
      ...{ layer: this.#options.number, row, names },
      ...{ size, mode, uid, gid, mtimeSeconds, mtimeNanoseconds },
    };
    this.sightings.set(wanted, { kind: 'file', file });
    this.#missing.delete(wanted);
    this.#watch.aim(this.#missing.values());
    this.#capture(wanted, file, entry);
  }

  #capture(wanted: WantedFile, file: FoundFile, { dataOffset, storedSize, sparse }: ContentPlace): void {
    const place = { dataOffset, storedSize, sparse };
    const capture = new Capture(place, this.#options.begin(wanted, file));
    this.captured.set(wanted, { row: file.row, capture });
  }
}

/** The names may be views of a table that is given up. */
function copied(missing: Resolved & { kind: 'missing' }): Resolved & { kind: 'missing' } {
  const copy = (part: Uint8Array) => new Uint8Array(part);
  const { names, name, rest } = missing;
  return { ...missing, names: names.map(copy), name: copy(name), rest: rest.map(copy) };
}
