import { LayerslayerError } from '../../base/errors.js';
import type { OperationOptions } from '../../engine/image-session.js';
import type { Layer } from '../../engine/layer.js';
import { type OpenedImage, type OpenedLayer, uncomparedLayers } from '../../image/opened-image.js';
import { DeletionHints } from '../../image/paths/deletion-hint.js';
import { UpperLayers } from '../../overlay/upper-layers/upper-layers.js';
import { copyContent } from '../copy-content.js';
import type { ContentSink } from '../output/carve-target.js';
import { fileIn, LayerSearch, type Sighting } from './layer-search.js';
import { type FoundFile, refusal, type WantedFile } from './wanted-file.js';

/** A file was found, and its content copied if `begin` wanted it. */
export interface FileResult {
  wanted: WantedFile;
  file: FoundFile;
  /** The file's layer, if its content is read by the layer's index. */
  layer?: Layer;
  unverified?: Unverified;
  /** Numbers of layers that answered by an index that was not compared with their bytes. */
  uncompared?: readonly number[];
}

/**
 * A layer that decided the answer was not read to its end. No digest covers it, and a later entry
 * may change it.
 */
export interface Unverified {
  readBytes: number; // compressed
  totalBytes: number;
}

export interface FileSearchOptions extends OperationOptions {
  image: Pick<OpenedImage, 'resolved' | 'layers' | 'cachedLayer' | 'scanLayer'>;
  numbers: readonly number[]; // of the layers that make the view, base first
  /** Reads each layer to its end, and takes nothing before its digest is right. */
  verify: boolean;
  /**
   * Begins a file. A second call for the same file discards the first content.
   * @param isFinal no other call for this file follows
   * @returns undefined if its content is not needed
   */
  begin(wanted: WantedFile, file: FoundFile, isFinal: boolean): ContentSink | undefined;
  /** The file is final, and complete if `begin` has returned a sink. */
  done(result: FileResult): void | Promise<void>;
  /** The path leads to no file. */
  failed(wanted: WantedFile, error: LayerslayerError, unverified?: Unverified): void;
  /** Called between writes: waits until the sinks have drained. */
  settled?(): Promise<void> | undefined;
  where?: string | undefined; // what is searched, for messages; default: the image
}

/**
 * Finds single files of the merged view without reading all of it. Layers are searched top down,
 * each only until the answer is certain. Layers with a cached index need no scan. What an upper
 * layer hides is never searched for below.
 */
export class FileSearch {
  readonly #options: FileSearchOptions;
  readonly #pending: Set<WantedFile>;
  readonly #hints = new DeletionHints();
  #known: readonly OpenedLayer[] = []; // base first, up to the top
  #view: UpperLayers; // of those
  #below: number; // layers not known yet: numbers[0] to numbers[below - 1]

  constructor(wanted: readonly WantedFile[], options: FileSearchOptions) {
    this.#options = options;
    this.#pending = new Set(wanted);
    this.#below = options.numbers.length;
    this.#view = new UpperLayers([], this.#below === 0);
  }

  /**
   * Reports every wanted file, as done or as failed.
   * @throws LayerslayerError if a layer can't be read, after the answers of the layers above it;
   *   the signal's reason
   */
  async run(): Promise<void> {
    while (this.#pending.size > 0) {
      await this.#openCached();
      await this.#answer();
      if (this.#pending.size === 0) return;
      const number = this.#options.numbers[--this.#below]!;
      // Below layers that are not certain by themselves, each layer must be read whole.
      const isSearched = this.#view.isCertain && !this.#options.verify;
      const layer = isSearched ? await this.#search(number) : await this.#open(number);
      if (layer) this.#add(layer);
    }
  }

  /** Opens layers from the next one down as long as their indexes are cached. */
  async #openCached(): Promise<void> {
    const { image, numbers } = this.#options;
    while (this.#below > 0) {
      const layer = await image.cachedLayer(numbers[this.#below - 1]!);
      if (!layer) return;
      this.#below--;
      this.#add(layer);
    }
  }

  #add(layer: OpenedLayer): void {
    this.#known = [layer, ...this.#known];
    this.#view = new UpperLayers(this.#known, this.#below === 0);
  }

  async #open(number: number): Promise<OpenedLayer> {
    const { image, signal, onProgress } = this.#options;
    const [layer] = await image.layers({ only: [number], signal, onProgress });
    return layer!;
  }

  /** Answers what the known layers can: everything, if there are no others. */
  async #answer(): Promise<void> {
    const view = this.#view;
    for (const wanted of [...this.#pending]) {
      const resolved = view.resolve(wanted.path);
      if (resolved.kind === 'missing' && view.isOpen(resolved)) continue;
      const lower = this.#options.numbers.slice(0, this.#below);
      const searched = { ...this.#options, lower, upper: this.#known, view };
      const hint = await this.#hints.search(wanted.path, resolved, searched);
      const error = refusal(view, wanted, resolved, { where: this.#options.where, hint });
      if (error) this.#fail(wanted, error);
      else if (resolved.kind === 'found') await this.#copy(wanted, fileIn(view, resolved));
    }
  }

  /** @returns the layer if its index is known now; undefined if all pending files were answered */
  async #search(number: number): Promise<OpenedLayer | undefined> {
    const { image, signal, onProgress, begin, settled } = this.#options;
    const search = new LayerSearch({
      number,
      upper: this.#known,
      isLowest: this.#below === 0,
      wanted: [...this.#pending],
      begin: (wanted, file) => begin(wanted, file, false),
      ...(settled && { settled }),
    });
    const totalBytes = image.resolved.manifest.layers[number - 1]!.size;
    let readBytes = 0;
    for (let isSecond = false; ; isSecond = true) {
      const end = await image.scanLayer(number, search, { signal, onProgress });
      const sightings = search.sightings('layer' in end ? end.layer.entries : undefined);
      if ('layer' in end) {
        // The layer was read to its end: captured files that all of it confirms are final.
        for (const found of sightings ? search.captured(sightings) : []) await this.#done(found);
        return { number, layer: end.layer, entries: end.layer.entries };
      }
      readBytes = Math.max(readBytes, end.readBytes);
      // The entries read may delete an earlier result, or leave a file to lower layers.
      if (sightings?.size !== this.#pending.size) break;
      if (!search.aimAtMissed(sightings)) {
        await this.#conclude(number, sightings, { readBytes, totalBytes });
        return undefined;
      }
      if (isSecond) break;
    }
    return this.#open(number);
  }

  /** All files were found, here or above. The last entry read counts. */
  async #conclude(
    number: number,
    sightings: ReadonlyMap<WantedFile, Sighting>,
    unverified: Unverified,
  ): Promise<void> {
    for (const [wanted, sighting] of sightings) {
      if (sighting instanceof LayerslayerError) this.#fail(wanted, sighting, unverified);
      else if (sighting.layer !== number) await this.#copy(wanted, sighting, unverified);
      else await this.#done({ wanted, file: sighting, unverified });
    }
  }

  /** Copies a file of a known layer. */
  async #copy(wanted: WantedFile, file: FoundFile, unverified?: Unverified): Promise<void> {
    const { begin, signal, settled } = this.#options;
    const { layer } = this.#known.find(({ number }) => number === file.layer)!;
    const sink = begin(wanted, file, true);
    if (sink) await copyContent(layer, file, sink, { settled, ...(signal && { signal }) });
    await this.#done({ wanted, file, layer, ...(unverified && { unverified }) });
  }

  #done(result: FileResult): void | Promise<void> {
    this.#pending.delete(result.wanted);
    const uncompared = uncomparedLayers(this.#known);
    return this.#options.done(uncompared.length > 0 ? { ...result, uncompared } : result);
  }

  #fail(wanted: WantedFile, error: LayerslayerError, unverified?: Unverified): void {
    this.#pending.delete(wanted);
    this.#options.failed(wanted, error, unverified);
  }
}
