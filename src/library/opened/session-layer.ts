import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SharedTask } from '../../base/tasks/shared-task.js';
import { textOfBytes } from '../../base/text/raw-text.js';
import { type Layer, openFile } from '../../engine/layer.js';
import type { OpenedImage } from '../../image/opened-image.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { attributesOf } from '../../overlay/tree.js';
import { Content } from '../content/content.js';
import type {
  LayerEntry,
  OperationOptions,
  RangeOptions,
  ReadFileOptions,
  ReadStreamOptions,
} from '../files.js';
import type { ImageLayer } from '../image.js';
import type { Operations } from '../operations/operations.js';
import type { LayerProgress } from '../options.js';
import { Attributes } from './attributes.js';

/** Entries between two turns of the event loop. */
const PAGE = 1_000;

export interface SessionLayerParts {
  opened: OpenedImage;
  operations: Operations;
  onProgress(progress: LayerProgress): void;
}

/** `ImageLayer` over a layer of a session. */
export class SessionLayer implements ImageLayer {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly #operations: Operations;
  readonly #layer: SharedTask<Layer>;

  constructor(
    { opened, operations, onProgress }: SessionLayerParts,
    readonly number: number,
    { digest, size, mediaType }: Descriptor,
    readonly createdBy: string | undefined,
  ) {
    this.digest = digest;
    this.size = size;
    this.mediaType = mediaType;
    this.#operations = operations;
    this.#layer = new SharedTask(async (signal) => {
      const [found] = await opened.layers({ only: [number], signal, onProgress });
      return found!.layer;
    });
  }

  async *entries({ signal }: OperationOptions = {}): AsyncIterableIterator<LayerEntry> {
    const layer = await this.#operations.run(signal, (aborted) => this.#layer.get(aborted));
    for (let row = 0; row < layer.entries.length; row++) {
      // The event loop must turn, and the image may have been closed meanwhile.
      if (row % PAGE === PAGE - 1) await this.#operations.run(signal, () => nextTurn());
      yield new ArchivedEntry(this.#operations, layer, this.number, row);
    }
  }

  isVerified({ signal }: OperationOptions = {}): Promise<boolean> {
    return this.#operations.run(signal, async (aborted) => {
      return (await this.#layer.get(aborted)).origin.kind === 'own';
    });
  }
}

/** `LayerEntry` over a row of a layer. */
class ArchivedEntry extends Attributes implements LayerEntry {
  readonly path: string;
  readonly pathBytes: Buffer;
  readonly linkTarget: string | undefined;
  readonly linkTargetBytes: Buffer | undefined;
  readonly #layer: Layer;
  readonly #row: number;
  readonly #operations: Operations;

  constructor(operations: Operations, layer: Layer, number: number, row: number) {
    const { entries } = layer;
    super({ kind: entries.kind(row), ...attributesOf(entries, row), layer: number });
    // Copies: the layer's columns stay its own.
    this.pathBytes = Buffer.from(entries.pathHeap.subarray(entries.pathStart(row), entries.pathEnd(row)));
    this.path = textOfBytes(this.pathBytes);
    this.#layer = layer;
    this.#row = row;
    this.#operations = operations;
    const isLink = this.isSymbolicLink() || this.isHardLink();
    this.linkTargetBytes = isLink ? Buffer.from(entries.linkTarget(row)) : undefined;
    this.linkTarget = this.linkTargetBytes && textOfBytes(this.linkTargetBytes);
  }

  get xattrs(): ReadonlyMap<string, Buffer> {
    const all = this.#layer.entries.xattrs(this.#row);
    return new Map(all.map(({ name, value }) => [textOfBytes(name), Buffer.from(value)]));
  }

  override isFile(): boolean {
    return super.isFile() && !this.isHardLink();
  }

  isHardLink(): boolean {
    return this.#layer.entries.kind(this.#row) === 'hardlink';
  }

  readFile(options?: (ReadFileOptions & { encoding?: null | undefined }) | null): Promise<Buffer>;
  readFile(options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  async readFile(options?: BufferEncoding | ReadFileOptions | null): Promise<Buffer | string> {
    return this.#content().readFile(options);
  }

  createReadStream(options?: BufferEncoding | ReadStreamOptions): Readable {
    return this.#content().createReadStream(options);
  }

  readableWebStream(options?: RangeOptions): ReadableStream<Uint8Array> {
    return this.#content().readableWebStream(options);
  }

  #content(): Content {
    return new Content(this.#operations, async (range, signal) =>
      openFile(this.#layer, this.#row, { ...range, signal }),
    );
  }
}
