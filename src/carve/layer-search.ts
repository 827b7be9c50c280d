import type { LayerslayerError } from '../base/errors.js';
import type { LayerObserver } from '../engine/layer-observer.js';
import type { EntryTable } from '../index/entry-table.js';
import { keyOf } from '../overlay/path-components.js';
import type { Resolved } from '../overlay/resolve-path.js';
import type { UpperLayers } from '../overlay/upper-layers.js';
import type { TarEntry } from '../tar/entry.js';
import { Capture } from './capture.js';
import { PathWatch } from './path-watch.js';
import { type ContentSink, type FoundFile, foundFile, refusal, type WantedFile } from './wanted-file.js';

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');

/**
 * How often wanted paths are looked up on the way through one layer. Each symlink on a path's way
 * costs one look; a layer made to cost more is read to its end, and then looked at.
 */
const LOOKS_MAX = 10_000;

/** What the part of a layer read so far says about a wanted file. */
export type Sighting =
  | { kind: 'file'; file: FoundFile } // in this layer or above
  | { kind: 'refused'; error: LayerslayerError };

/** A file whose content has passed, or is passing. */
interface CapturedFile {
  row: number;
  capture: Capture;
}

export interface LayerSearchOptions {
  number: number; // of this layer
  upper: UpperLayers; // certain view of all layers above it; all wanted files are missing in it
  isLowest: boolean;
  wanted: readonly WantedFile[];
  /** Begins a file of this layer as it passes; earlier content of it is void. */
  begin(wanted: WantedFile, file: FoundFile): ContentSink;
  settled?(): Promise<void> | undefined;
}

/**
 * Searches a layer for files while the layers below are unknown, and captures their contents as
 * they pass. It has enough once all files are found. Later entries may replace a captured file, so
 * `sightings` decides: it merges all entries that were read. (cli/CONTRACT.md C28)
 */
export class LayerSearch implements LayerObserver {
  readonly #options: LayerSearchOptions;
  #watch = new PathWatch();
  /** The files known so far; the others are missing. */
  readonly #sighted = new Map<WantedFile, Sighting>();
  readonly #captured = new Map<WantedFile, CapturedFile>();
  /** Resolved location of each file: a path from the root, without the known symlinks. */
  readonly #places = new Map<WantedFile, readonly Uint8Array[]>();
  /** By path key: files that exist at a path if its next entry is a file. */
  readonly #expected = new Map<string, WantedFile[]>();
  #view: UpperLayers | undefined; // with the rows of the last look
  #looks = 0;
  #rows = 0;
  #soFar: (() => EntryTable) | undefined;

  constructor(options: LayerSearchOptions) {
    this.#options = options;
    this.#start();
  }

  #start(): void {
    const { wanted: all, upper } = this.#options;
    for (const wanted of all) this.#place(wanted, upper.resolve(wanted.path));
    this.#aim();
  }

  /** Captured content is begun anew. */
  onRestart(): void {
    this.#watch = new PathWatch();
    this.#sighted.clear();
    this.#captured.clear();
    this.#view = undefined;
    this.#rows = 0;
    this.#soFar = undefined;
    this.#start();
  }

  /** Number of entries read. */
  get rows(): number {
    return this.#rows;
  }

  onEntry(entry: TarEntry, row: number, soFar: () => EntryTable): boolean {
    this.#rows = row + 1;
    this.#soFar = soFar;
    const key = this.#watch.concerns(entry);
    if (key !== undefined) {
      const expected = entry.kind === 'file' ? this.#expected.get(key) : undefined;
      // Most files are an entry of their own path; capturing that needs no merge.
      if (expected) for (const wanted of expected) this.#take(wanted, entry, row);
      else if (++this.#looks <= LOOKS_MAX) this.#look(entry, row, soFar());
    }
    return this.#hasEnough;
  }

  onBytes(bytes: Uint8Array, offset: number): boolean {
    for (const { capture } of this.#captured.values()) if (!capture.isComplete) capture.pass(bytes, offset);
    return this.#hasEnough;
  }

  settled(): Promise<void> | undefined {
    return this.#options.settled?.();
  }

  /**
   * Returns what this layer says about the wanted files, by the merge. Missing files have no
   * sighting.
   * @param entries of this layer from the first; default: those read so far
   * @returns undefined if lower layers may change the result
   */
  sightings(entries = this.#soFar?.()): Map<WantedFile, Sighting> | undefined {
    const view = entries && this.#viewWith(entries);
    if (!view?.isCertain) return undefined;
    const sightings = new Map<WantedFile, Sighting>();
    for (const wanted of this.#options.wanted) {
      const sighting = sightingOf(view, wanted, view.resolve(wanted.path));
      if (sighting) sightings.set(wanted, sighting);
    }
    return sightings;
  }

  /** Returns whether any content was captured. */
  get hasTakenAny(): boolean {
    return this.#captured.size > 0;
  }

  /** Returns whether all of this file's content was captured. */
  hasTaken(wanted: WantedFile, { layer, row }: FoundFile): boolean {
    const captured = this.#captured.get(wanted);
    return layer === this.#options.number && captured?.row === row && captured.capture.isComplete;
  }

  get #hasEnough(): boolean {
    if (this.#view?.isCertain === false || this.#sighted.size < this.#options.wanted.length) return false;
    for (const { capture } of this.#captured.values()) if (!capture.isComplete) return false;
    return true;
  }

  #viewWith(entries: EntryTable): UpperLayers {
    const { number, upper, isLowest } = this.#options;
    const view = upper.copy();
    view.add({ entries, number }, isLowest);
    return view;
  }

  #look(entry: TarEntry, row: number, entries: EntryTable): void {
    if (this.#view?.isCertain) this.#view.extend(entries);
    this.#view ??= this.#viewWith(entries);
    const view = this.#view;
    if (!view.isCertain) return;
    for (const wanted of this.#options.wanted) {
      const resolved = view.resolve(wanted.path);
      this.#place(wanted, resolved);
      // A path that is no file yet may become one: a later entry may fix `no-directory` and `loop`
      // too.
      const sighting = sightingOf(view, wanted, resolved);
      if (sighting) this.#sighted.set(wanted, sighting);
      else this.#sighted.delete(wanted);
      const ours = this.#rowOf(sighting);
      if (this.#captured.get(wanted)?.row === ours) continue;
      this.#captured.delete(wanted);
      if (ours === row && sighting?.kind === 'file') this.#capture(wanted, sighting.file, entry);
    }
    this.#aim();
  }

  /** Captures an entry that is expected to be the wanted file. */
  #take(wanted: WantedFile, entry: TarEntry, row: number): void {
    const { size, mode, uid, gid, mtimeSeconds, mtimeNanoseconds } = entry;
    const file: FoundFile = {
      ...{ layer: this.#options.number, row, names: this.#places.get(wanted)! },
      ...{ size, mode, uid, gid, mtimeSeconds, mtimeNanoseconds },
    };
    this.#sighted.set(wanted, { kind: 'file', file });
    this.#capture(wanted, file, entry);
  }

  #capture(wanted: WantedFile, file: FoundFile, { dataOffset, storedSize, sparse }: TarEntry): void {
    const capture = new Capture({ dataOffset, storedSize, sparse }, this.#options.begin(wanted, file));
    this.#captured.set(wanted, { row: file.row, capture });
  }

  /** @returns the row of the file if it is in this layer */
  #rowOf(sighting: Sighting | undefined): number | undefined {
    const file = sighting?.kind === 'file' ? sighting.file : undefined;
    return file?.layer === this.#options.number ? file.row : undefined;
  }

  /** Records the file's location. The names may be views of a table that is released. */
  #place(wanted: WantedFile, resolved: Resolved): void {
    const { names } = resolved;
    const ahead = resolved.kind === 'missing' ? [resolved.name, ...resolved.rest] : [];
    const place = [...names, ...ahead].filter((name) => !DOT.equals(name));
    this.#places.set(
      wanted,
      place.map((name) => new Uint8Array(name)),
    );
  }

  /** Updates the expected entries after a check. */
  #aim(): void {
    this.#expected.clear();
    for (const [wanted, place] of this.#places) {
      const sighting = this.#sighted.get(wanted);
      const isHere = sighting === undefined || this.#rowOf(sighting) !== undefined;
      if (!isHere || place.some((name) => DOT_DOT.equals(name))) continue;
      const key = keyOf(place);
      this.#expected.set(key, [...(this.#expected.get(key) ?? []), wanted]);
    }
    const asked = this.#options.wanted.map(({ path }) => path);
    this.#watch.aim([...asked, ...this.#places.values()]);
  }
}

function sightingOf(view: UpperLayers, { text }: WantedFile, resolved: Resolved): Sighting | undefined {
  if (resolved.kind !== 'found') return undefined;
  const error = refusal(view, text, resolved);
  return error ? { kind: 'refused', error } : { kind: 'file', file: fileIn(view, resolved) };
}

/** The file that a path leads to. */
export function fileIn(view: UpperLayers, { inode, names }: Resolved & { kind: 'found' }): FoundFile {
  const { layer, row } = view.entryOf(inode);
  return foundFile(layer.entries, { layer: layer.number, row, names });
}
