import { LayerslayerError } from '../base/errors.js';
import type { LayerWatcher } from '../engine/layer-watcher.js';
import type { EntryTable } from '../index/entry-table.js';
import type { NumberedLayer } from '../overlay/merge.js';
import { keyOf } from '../overlay/path-components.js';
import type { Resolved } from '../overlay/resolve-path.js';
import { UpperLayers } from '../overlay/upper-layers.js';
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

/** What the part of a layer read so far says about a wanted file: the file is here or above. */
export type Sighting = FoundFile | LayerslayerError;

export interface FoundHere {
  wanted: WantedFile;
  file: FoundFile; // of this layer
}

/** A file whose content has passed, or is passing. */
interface CapturedFile {
  row: number;
  capture: Capture;
}

export interface LayerSearchOptions {
  number: number; // of this layer
  upper: readonly NumberedLayer[]; // all layers above it, base first; they miss all wanted files
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
export class LayerSearch implements LayerWatcher {
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
  #row = -1; // of the last entry
  #rows = 0; // that the longest scan has read
  #soFar: (() => EntryTable) | undefined; // those rows
  /** In a second scan: the files to capture, by row. */
  #missed: Map<number, FoundHere[]> | undefined;
  #lastMissed = -1;

  constructor(options: LayerSearchOptions) {
    this.#options = options;
    this.#start();
  }

  #start(): void {
    const { wanted: all, upper } = this.#options;
    const view = new UpperLayers(upper, false);
    for (const wanted of all) this.#place(wanted, view.resolve(wanted.path));
    this.#aim();
  }

  /** Captured content is begun again. */
  onRestart(): void {
    this.#row = -1;
    if (this.#missed) return;
    this.#watch = new PathWatch();
    this.#sighted.clear();
    this.#captured.clear();
    this.#view = undefined;
    this.#rows = 0;
    this.#soFar = undefined;
    this.#start();
  }

  /** Makes the next scan capture only these files. */
  aimAt(missed: readonly FoundHere[]): void {
    this.#row = -1;
    this.#missed = new Map();
    for (const found of missed) {
      const { row } = found.file;
      this.#missed.set(row, [...(this.#missed.get(row) ?? []), found]);
      this.#lastMissed = Math.max(this.#lastMissed, row);
    }
  }

  onEntry(entry: TarEntry, row: number, soFar: () => EntryTable): boolean {
    this.#row = row;
    if (row >= this.#rows) {
      this.#rows = row + 1;
      this.#soFar = soFar;
    }
    if (this.#missed) {
      for (const { wanted, file } of this.#missed.get(row) ?? []) this.#capture(wanted, file, entry);
      return this.#hasEnough;
    }
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

  /** Returns the captured files that all entries of the layer confirm. */
  captured(entries: EntryTable): FoundHere[] {
    const sightings = this.#captured.size > 0 ? this.sightings(entries) : undefined;
    return this.#filesHere(sightings).filter((found) => this.#hasCaptured(found));
  }

  /** Returns the files of this layer that were not captured: links point back at their content. */
  missed(sightings: ReadonlyMap<WantedFile, Sighting>): FoundHere[] {
    return this.#filesHere(sightings).filter((found) => !this.#hasCaptured(found));
  }

  #filesHere(sightings: ReadonlyMap<WantedFile, Sighting> = new Map()): FoundHere[] {
    return [...sightings].flatMap(([wanted, sighting]) => {
      const file = this.#fileHere(sighting);
      return file ? [{ wanted, file }] : [];
    });
  }

  #hasCaptured({ wanted, file }: FoundHere): boolean {
    const captured = this.#captured.get(wanted);
    return captured?.row === file.row && captured.capture.isComplete;
  }

  get #hasEnough(): boolean {
    const isFound = this.#missed
      ? this.#row >= this.#lastMissed
      : this.#view?.isCertain !== false && this.#sighted.size === this.#options.wanted.length;
    if (!isFound) return false;
    for (const { capture } of this.#captured.values()) if (!capture.isComplete) return false;
    return true;
  }

  #viewWith(entries: EntryTable): UpperLayers {
    const { number, upper, isLowest } = this.#options;
    return new UpperLayers([{ entries, number }, ...upper], isLowest);
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
      const file = this.#fileHere(sighting);
      if (this.#captured.get(wanted)?.row === file?.row) continue;
      this.#captured.delete(wanted);
      if (file?.row === row) this.#capture(wanted, file, entry);
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
    this.#sighted.set(wanted, file);
    this.#capture(wanted, file, entry);
  }

  #capture(wanted: WantedFile, file: FoundFile, { dataOffset, storedSize, sparse }: TarEntry): void {
    const capture = new Capture({ dataOffset, storedSize, sparse }, this.#options.begin(wanted, file));
    this.#captured.set(wanted, { row: file.row, capture });
  }

  /** Returns the file if it is in this layer. */
  #fileHere(sighting: Sighting | undefined): FoundFile | undefined {
    const isHere =
      sighting && !(sighting instanceof LayerslayerError) && sighting.layer === this.#options.number;
    return isHere ? sighting : undefined;
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
      const isHere = sighting === undefined || this.#fileHere(sighting) !== undefined;
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
  return refusal(view, text, resolved) ?? fileIn(view, resolved);
}

/** The file that a path leads to. */
export function fileIn(view: UpperLayers, { inode, names }: Resolved & { kind: 'found' }): FoundFile {
  const { layer, row } = view.entryOf(inode);
  return foundFile(layer.entries, { layer: layer.number, row, names });
}
