import type { LayerslayerError } from '../base/errors.js';
import type { ImageSession, OperationOptions } from '../engine/image-session.js';
import type { Layer } from '../engine/layer.js';
import type { NumberedLayer } from '../overlay/merge.js';
import { UpperLayers } from '../overlay/upper-layers.js';
import type { ResolvedImage } from '../source/image-source.js';
import { copyContent } from './copy-content.js';
import { deletionHint, type OpenedForHints } from './deletion-hint.js';
import { HiddenHints } from './hidden-paths.js';
import { fileIn, LayerSearch, type Sighting } from './layer-search.js';
import { RowReader } from './row-reader.js';
import { type ContentSink, type FoundFile, refusal, type WantedFile } from './wanted-file.js';

/** A file was copied whole. */
export interface FileResult {
  wanted: WantedFile;
  file: FoundFile;
  unverified?: Unverified;
}

/**
 * A layer that decided the answer was not read to its end. No digest covers it, and a later entry
 * may change it.
 */
export interface Unverified {
  readBytes: number; // compressed
  totalBytes: number;
}

/** A file of the searched layer. */
interface FoundHere {
  wanted: WantedFile;
  file: FoundFile;
}

export interface FileSearchOptions {
  session: Pick<ImageSession, 'openCached' | 'openLayers' | 'scanLayer'>;
  image: ResolvedImage;
  numbers: readonly number[]; // of the layers that make the view, base first
  /** Reads each layer on the way to its end, and takes nothing before its digest was right. */
  verify: boolean;
  /**
   * Begins a file. A second call for the same file discards the first content.
   * @param isFinal no other call for this file follows
   */
  begin(wanted: WantedFile, file: FoundFile, isFinal: boolean): ContentSink;
  /** The file is final and complete. */
  done(result: FileResult): void | Promise<void>;
  /** The path leads to no file, or its content could not be had. */
  failed(wanted: WantedFile, error: LayerslayerError, unverified?: Unverified): void;
  /** Called between bytes: waits until what was written has gone somewhere. */
  settled?(): Promise<void> | undefined;
  signal?: AbortSignal;
  onProgress?: OperationOptions['onProgress'];
  where?: string | undefined; // what is searched, for messages; default: the image
}

interface KnownLayer extends NumberedLayer {
  layer: Layer;
}

/**
 * Finds single files of the merged view without reading all of it: layers are searched top down,
 * each only until the answer is certain, those with a kept index for nothing. What an upper layer
 * hides is never looked for below.
 */
export class FileSearch {
  readonly #options: FileSearchOptions;
  readonly #pending: Set<WantedFile>;
  readonly #hints = new HiddenHints();
  readonly #openedForHints: OpenedForHints = new Map();
  readonly #known: KnownLayer[] = []; // base first, up to the top
  readonly #view: UpperLayers; // of those
  #below: number; // layers not known yet: numbers[0] to numbers[below - 1]

  constructor(wanted: readonly WantedFile[], options: FileSearchOptions) {
    this.#options = options;
    this.#pending = new Set(wanted);
    this.#below = options.numbers.length;
    this.#view = new UpperLayers([], this.#below === 0);
  }

  /**
   * Every wanted file is told of, as done or as failed.
   * @throws LayerslayerError when a layer could not be read, after what the layers above it
   *   answered; the signal's reason
   */
  async run(): Promise<void> {
    while (this.#pending.size > 0) {
      await this.#openCached();
      await this.#answer();
      if (this.#pending.size === 0) return;
      const number = this.#options.numbers[--this.#below]!;
      // When upper layers are not certain by themselves, nothing below is before it is known whole.
      const isSearched = this.#view.isCertain && !this.#options.verify;
      const layer = isSearched ? await this.#search(number) : await this.#open(number);
      if (layer) this.#add(number, layer);
    }
  }

  /** Layers from the next one down as long as their indexes are kept. */
  async #openCached(): Promise<void> {
    const { session, image, numbers } = this.#options;
    while (this.#below > 0) {
      const number = numbers[this.#below - 1]!;
      const layer = await session.openCached(image, number);
      if (!layer) return;
      this.#below--;
      this.#add(number, layer);
    }
  }

  #add(number: number, layer: Layer): void {
    const known = { number, layer, entries: layer.entries };
    this.#known.unshift(known);
    this.#view.add(known, this.#below === 0);
  }

  async #open(number: number): Promise<Layer> {
    const { session, image, signal, onProgress } = this.#options;
    const [layer] = await session.openLayers(image, { only: [number], signal, onProgress });
    return layer!;
  }

  /** Answers what the known layers can: all, when there are no others. */
  async #answer(): Promise<void> {
    const view = this.#view;
    for (const wanted of [...this.#pending]) {
      const resolved = view.resolve(wanted.path);
      if (resolved.kind === 'missing' && view.isOpen(resolved)) continue;
      const lower = this.#options.numbers.slice(0, this.#below);
      const known = { lower, upper: this.#known, view, hints: this.#hints, opened: this.#openedForHints };
      const hint = await deletionHint(wanted.path, resolved, { ...this.#options, ...known });
      const error = refusal(view, wanted.text, resolved, { where: this.#options.where, hint });
      if (error) this.#fail(wanted, error);
      else if (resolved.kind === 'found') await this.#copy(wanted, fileIn(view, resolved));
    }
  }

  /** @returns the layer, when its index is known now; else all that is pending was answered */
  async #search(number: number): Promise<Layer | undefined> {
    const { session, image, signal, onProgress, begin, settled } = this.#options;
    const search = new LayerSearch({
      number,
      upper: this.#view,
      isLowest: this.#below === 0,
      wanted: [...this.#pending],
      begin: (wanted, file) => begin(wanted, file, false),
      ...(settled && { settled }),
    });
    const end = await session.scanLayer(image, number, search, { signal, onProgress });
    if ('layer' in end) {
      await this.#confirm(search, end.layer);
      return end.layer;
    }
    if (await this.#conclude(number, search, end.readBytes)) return undefined;
    // The part that was read deletes its earlier result, or leaves the file to lower layers.
    return this.#open(number);
  }

  /** The layer was read to its end. Captured files are final if the whole layer confirms them. */
  async #confirm(search: LayerSearch, { entries }: Layer): Promise<void> {
    if (!search.hasTakenAny) return;
    for (const [wanted, sighting] of search.sightings(entries) ?? []) {
      const file = fileOf(sighting);
      if (file && search.hasTaken(wanted, file)) await this.#done({ wanted, file });
    }
  }

  /**
   * The scan stopped early: all files were found, here or above. The last entry read counts.
   * @returns false if the entries read do not confirm the files
   */
  async #conclude(number: number, search: LayerSearch, readBytes: number): Promise<boolean> {
    const sightings = search.sightings();
    if (sightings?.size !== this.#pending.size) return false;
    const behind: FoundHere[] = [];
    for (const [wanted, sighting] of sightings) {
      const file = fileOf(sighting);
      if (file?.layer === number && !search.hasTaken(wanted, file)) behind.push({ wanted, file });
    }
    const readAgain = behind.length === 0 ? 0 : await this.#goBack(number, behind, search);
    if (readAgain === undefined) return false;
    const totalBytes = this.#options.image.manifest.layers[number - 1]!.size;
    const unverified = { readBytes: Math.max(readBytes, readAgain), totalBytes };
    for (const [wanted, sighting] of sightings) {
      const file = fileOf(sighting);
      if (sighting.kind === 'refused') this.#fail(wanted, sighting.error, unverified);
      else if (file!.layer !== number) await this.#copy(wanted, file!, unverified);
      else await this.#done({ wanted, file: file!, unverified });
    }
    return true;
  }

  /**
   * Reads files whose content passed before they were wanted: symlinks and hard links point back.
   * @returns bytes of the layer read for it; undefined if the files are not confirmed, or the whole
   *   layer is known now
   */
  async #goBack(
    number: number,
    behind: readonly FoundHere[],
    search: LayerSearch,
  ): Promise<number | undefined> {
    const { session, image, signal, onProgress, begin, settled } = this.#options;
    const rows = new Map<number, () => ContentSink>();
    for (const { wanted, file } of behind) {
      const before = rows.get(file.row);
      rows.set(file.row, () => both(before?.(), begin(wanted, file, false)));
    }
    const reader = new RowReader(rows, settled);
    const end = await session.scanLayer(image, number, reader, { signal, onProgress });
    if ('layer' in end) return undefined;
    if (reader.rows <= search.rows) return end.readBytes;
    // This pass read further than the search: its later entries count too.
    const sightings = search.sightings(reader.entries());
    const isSame = [...this.#pending].every((wanted) => {
      const file = fileOf(sightings?.get(wanted));
      const stands = behind.some((one) => one.wanted === wanted && one.file.row === file?.row);
      return file && (file.layer !== number || stands || search.hasTaken(wanted, file));
    });
    return isSame ? end.readBytes : undefined;
  }

  /** Copies a file of a known layer. */
  async #copy(wanted: WantedFile, file: FoundFile, unverified?: Unverified): Promise<void> {
    const { begin, signal, settled } = this.#options;
    const { layer } = this.#known.find(({ number }) => number === file.layer)!;
    await copyContent(layer, file, begin(wanted, file, true), { settled, ...(signal && { signal }) });
    await this.#done({ wanted, file, ...(unverified && { unverified }) });
  }

  #done(result: FileResult): void | Promise<void> {
    this.#pending.delete(result.wanted);
    return this.#options.done(result);
  }

  #fail(wanted: WantedFile, error: LayerslayerError, unverified?: Unverified): void {
    this.#pending.delete(wanted);
    this.#options.failed(wanted, error, unverified);
  }
}

function fileOf(sighting: Sighting | undefined): FoundFile | undefined {
  return sighting?.kind === 'file' ? sighting.file : undefined;
}

/** Two paths lead to one file. */
function both(first: ContentSink | undefined, second: ContentSink): ContentSink {
  if (!first) return second;
  return {
    write(bytes, offset) {
      first.write(bytes, offset);
      second.write(bytes, offset);
    },
  };
}
