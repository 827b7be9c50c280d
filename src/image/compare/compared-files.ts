import { type ErrorCode, LayerslayerError, withContext } from '../../base/errors.js';
import type { Layer } from '../../engine/layer.js';
import type { ComparedView } from './comparison.js';
import type { ContentPairs } from './content-pairs.js';

/** Faults of a layer's source: a further file of the layer would only wait for the same fault. */
const OF_SOURCE = new Set<ErrorCode>([
  'NOT_FOUND',
  'UNAUTHORIZED',
  'REGISTRY_UNAVAILABLE',
  'TIMED_OUT',
  'RATE_LIMITED',
]);

/** A file of one side. */
export class ComparedFile {
  /**
   * @param number of the layer, for messages
   * @param lost layers whose source has failed, with the fault
   */
  constructor(
    readonly layer: Layer,
    readonly row: number,
    readonly number: number,
    private readonly image: string,
    private readonly lost: Map<Layer, LayerslayerError>,
  ) {}

  /** Logical bytes. */
  get size(): number {
    return this.layer.entries.size(this.row);
  }

  /** See `EntryTable.sparse`. */
  get sparse(): Float64Array | undefined {
    return this.layer.entries.sparse(this.row);
  }

  /**
   * As `Layer.read`.
   * @throws LayerslayerError with the layer and the image
   */
  read(offset: number, length: number, signal: AbortSignal | undefined): Uint8Array | Promise<Uint8Array> {
    const fault = this.lost.get(this.layer);
    if (fault) throw fault;
    try {
      const bytes = this.layer.read(this.row, offset, length, signal);
      if (bytes instanceof Uint8Array) return bytes;
      return bytes.catch((error) => {
        throw this.#failed(error);
      });
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): LayerslayerError {
    const fault = withContext(error, `layer ${this.number} of ${this.image}`);
    if (OF_SOURCE.has(fault.code)) this.lost.set(this.layer, fault);
    return fault;
  }
}

/** The files of pairs, on both sides. */
export class ComparedFiles {
  readonly #lost = new Map<Layer, LayerslayerError>();

  constructor(
    private readonly pairs: ContentPairs,
    private readonly first: ComparedView,
    private readonly second: ComparedView,
  ) {}

  from(pair: number): ComparedFile {
    return this.#file(this.first, this.pairs.from(pair));
  }

  to(pair: number): ComparedFile {
    return this.#file(this.second, this.pairs.to(pair));
  }

  #file({ view: { tree, byNumber }, name }: ComparedView, inode: number): ComparedFile {
    const number = tree.layerOf(inode);
    return new ComparedFile(byNumber.get(number)!, tree.rowOf(inode), number, name, this.#lost);
  }
}

/**
 * Returns what a task returns, or the fault that stopped it.
 * @throws LayerslayerError the signal's reason; faults of the program
 */
export async function orFault<T>(
  task: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | LayerslayerError> {
  try {
    return await task();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LayerslayerError && error.code !== 'INTERNAL' && error.code !== 'ABORTED')
      return error;
    throw error;
  }
}
