import { LayerslayerError } from '../../base/errors.js';
import type { LayerObserver } from '../../engine/image-session.js';
import type { EntryTable } from '../../index/entry-table.js';
import type { Resolved } from '../../overlay/resolve-path.js';
import type { NumberedLayer } from '../../overlay/tree.js';
import { PathWatch } from '../../overlay/upper-layers/path-watch.js';
import { UpperLayers } from '../../overlay/upper-layers/upper-layers.js';
import type { TarEntry } from '../../tar/entry.js';
import type { ContentSink } from '../output/carve-target.js';
import { Capture } from './capture.js';
import { type FoundFile, foundFile, refusal, type WantedFile } from './wanted-file.js';

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');

/**
 * Maximum lookups of the wanted paths in one scan. Each symlink on a path's way costs one. A layer
 * with more is read to its end first.
 */
const LOOKS_MAX = 10_000;

/** What the part of a layer read so far says about a wanted file: the file is here or above. */
export type Sighting = FoundFile | LayerslayerError;

/** A file of the searched layer. */
export interface FoundHere {
  wanted: WantedFile;
  file: FoundFile;
}

export interface LayerSearchOptions {
  number: number; // of this layer
  upper: readonly NumberedLayer[]; // all layers above it, base first; they miss all wanted files
  isLowest: boolean;
  wanted: readonly WantedFile[];
  /**
   * Begins a file of this layer as it passes; earlier content of it is void.
   * @returns undefined if its content is not needed
   */
  begin(wanted: WantedFile, file: FoundFile): ContentSink | undefined;
  settled?(): Promise<void> | undefined;
}

/** A wanted file, and what the scan knows about it. */
interface Target {
  wanted: WantedFile;
  path: readonly Uint8Array[]; // where it is, from the root, without the known symlinks
  sighting?: Sighting | undefined; // undefined: missing so far
  captured?: { row: number; content: Capture } | undefined; // it has passed, or is passing
}

/**
 * Searches a layer for files while the layers below are unknown, and captures their contents as
 * they pass. It has enough once all files are found. Later entries may replace a captured file, so
 * `sightings` decides: it merges all entries that were read. (cli/CONTRACT.md C28)
 */
export class LayerSearch implements LayerObserver {
  readonly #options: LayerSearchOptions;
  #watch = new PathWatch();
  #targets: readonly Target[] = [];
  /** By path key: targets that exist at a path if its next entry is a file. */
  readonly #expected = new Map<string, Target[]>();
  #view: UpperLayers | undefined; // with the rows of the last look
  #looks = 0;
  #row = -1; // of the last entry
  #rows = 0; // that the longest scan has read
  #soFar: (() => EntryTable) | undefined; // those rows
  /** In a second scan: the targets to capture, by row. */
  #missed: Map<number, Target[]> | undefined;
  #lastMissed = -1; // row

  constructor(options: LayerSearchOptions) {
    this.#options = options;
    this.#start();
  }

  #start(): void {
    const { wanted: all, upper } = this.#options;
    const view = new UpperLayers(upper, false);
    this.#targets = all.map((wanted) => ({ wanted, path: pathOf(view.resolve(wanted.path)) }));
    this.#aim();
  }

  /** Captured content is begun again. */
  onRestart(): void {
    this.#row = -1;
    if (this.#missed) return;
    this.#watch = new PathWatch();
    this.#view = undefined;
    this.#rows = 0;
    this.#soFar = undefined;
    this.#start();
  }

  onEntry(entry: TarEntry, row: number, soFar: () => EntryTable): boolean {
    this.#row = row;
    if (row >= this.#rows) {
      this.#rows = row + 1;
      this.#soFar = soFar;
    }
    const key = this.#missed ? undefined : this.#watch.concerns(entry);
    if (this.#missed) {
      const missed = entry.kind === 'file' ? this.#missed.get(row) : undefined;
      for (const target of missed ?? []) this.#capture(target, entry, row);
    } else if (key !== undefined) {
      const expected = entry.kind === 'file' ? this.#expected.get(key) : undefined;
      // Most files are an entry of their own path; capturing that needs no merge.
      if (expected) for (const target of expected) this.#capture(target, entry, row);
      else if (++this.#looks <= LOOKS_MAX) this.#look(entry, row, soFar());
    }
    return this.#hasEnough;
  }

  onBytes(bytes: Uint8Array, offset: number): boolean {
    for (const { captured } of this.#targets)
      if (captured && !captured.content.isComplete) captured.content.pass(bytes, offset);
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
    for (const { wanted } of this.#targets) {
      const sighting = sightingOf(view, wanted, view.resolve(wanted.path));
      if (sighting) sightings.set(wanted, sighting);
    }
    return sightings;
  }

  /** Returns the files of this layer whose whole content was captured. */
  captured(sightings: ReadonlyMap<WantedFile, Sighting>): FoundHere[] {
    return this.#targets.flatMap((target) => {
      const { wanted, captured } = target;
      const file = this.#fileHere(sightings.get(wanted));
      return file && captured?.row === file.row && captured.content.isComplete ? [{ wanted, file }] : [];
    });
  }

  /**
   * Makes the next scan capture the files whose content had passed before they were found: links
   * point back at it.
   * @returns false if there are none
   */
  aimAtMissed(sightings: ReadonlyMap<WantedFile, Sighting>): boolean {
    const captured = new Set(this.captured(sightings).map(({ wanted }) => wanted));
    const missed = new Map<number, Target[]>();
    for (const target of this.#targets) {
      target.sighting = sightings.get(target.wanted);
      const file = captured.has(target.wanted) ? undefined : this.#fileHere(target.sighting);
      if (!file) continue;
      missed.set(file.row, [...(missed.get(file.row) ?? []), target]);
      this.#lastMissed = Math.max(this.#lastMissed, file.row);
    }
    this.#missed = missed;
    this.#row = -1;
    return missed.size > 0;
  }

  get #hasEnough(): boolean {
    const isFound = this.#missed
      ? this.#row >= this.#lastMissed
      : this.#view?.isCertain !== false && this.#targets.every(({ sighting }) => sighting);
    return isFound && this.#targets.every(({ captured }) => !captured || captured.content.isComplete);
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
    for (const target of this.#targets) {
      const resolved = view.resolve(target.wanted.path);
      target.path = pathOf(resolved);
      // A path that is no file yet may become one: a later entry may fix `no-directory` too.
      target.sighting = sightingOf(view, target.wanted, resolved);
      const found = this.#fileHere(target.sighting)?.row;
      if (target.captured?.row === found) continue;
      target.captured = undefined;
      if (found === row) this.#capture(target, entry, row);
    }
    this.#aim();
  }

  /** Captures an entry that is the wanted file, or will be. */
  #capture(target: Target, entry: TarEntry, row: number): void {
    const { dataOffset, storedSize, sparse, size, mode, uid, gid, mtimeSeconds, mtimeNanoseconds } = entry;
    const file: FoundFile = {
      ...{ layer: this.#options.number, row, names: target.path },
      ...{ size, mode, uid, gid, mtimeSeconds, mtimeNanoseconds },
    };
    const sink = this.#options.begin(target.wanted, file);
    target.sighting = file;
    const content = sink ? new Capture({ dataOffset, storedSize, sparse }, sink) : Capture.ofNothing();
    target.captured = { row, content };
  }

  /** Returns the file if it is in this layer. */
  #fileHere(sighting: Sighting | undefined): FoundFile | undefined {
    if (!sighting || sighting instanceof LayerslayerError) return undefined;
    return sighting.layer === this.#options.number ? sighting : undefined;
  }

  /** Updates the expected entries after a check. */
  #aim(): void {
    this.#expected.clear();
    for (const target of this.#targets) {
      const { path, sighting } = target;
      const isHere = sighting === undefined || this.#fileHere(sighting) !== undefined;
      if (!isHere || path.some((name) => DOT_DOT.equals(name))) continue;
      const key = PathWatch.keyOf(path);
      this.#expected.set(key, [...(this.#expected.get(key) ?? []), target]);
    }
    this.#watch.aim(this.#targets.flatMap(({ wanted, path }) => [wanted.path, path]));
  }
}

/**
 * Returns where a path leads, with what is missing. The names are copies: they may be views of a
 * table that is released.
 */
function pathOf(resolved: Resolved): Uint8Array[] {
  const ahead = resolved.kind === 'missing' ? [resolved.name, ...resolved.rest] : [];
  const names = [...resolved.names, ...ahead].filter((name) => !DOT.equals(name));
  return names.map((name) => new Uint8Array(name));
}

function sightingOf(view: UpperLayers, wanted: WantedFile, resolved: Resolved): Sighting | undefined {
  if (resolved.kind !== 'found') return undefined;
  return refusal(view, wanted, resolved) ?? fileIn(view, resolved);
}

/** The file that a path leads to. */
export function fileIn(view: UpperLayers, { inode, names }: Resolved & { kind: 'found' }): FoundFile {
  const { layer, row } = view.entryOf(inode);
  return foundFile(layer.entries, { layer: layer.number, row, names });
}
