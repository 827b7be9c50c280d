import { asLayerslayerError, LayerslayerError, withContext } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import {
  type CachedIndex,
  type CachedIndexes,
  differenceOf,
  type IndexComparison,
  OWN,
  originKey,
  originText,
  type ProvidedIndex,
} from '../../index/cached-indexes.js';
import { shortDigest } from '../../oci/digest.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { type WantedBlob, wantedBlobs } from '../blobs/wanted-blobs.js';
import type { Fetching } from '../fetch/fetching.js';
import type { ComparisonEnd } from '../image-session.js';
import type { InflatePool } from '../inflate/inflate-pool.js';
import type { ComparedIndex, GivenIndex } from '../inflate/inflate-protocol.js';
import type { Layer } from '../layer.js';
import type { ReadableLayers, UncomparedLayer } from '../reading/readable-layers.js';
import { TableAllowances } from './table-allowances.js';

/** What comparing layers needs of a session. */
export interface LayerComparisonParts {
  fetching: Fetching;
  inflate: InflatePool;
  indexes: CachedIndexes;
  layers: ReadableLayers;
  log: Log;
}

/** Compares layers with the indexes of others that they were opened by. */
export class LayerComparison {
  readonly #parts: LayerComparisonParts;

  constructor(parts: LayerComparisonParts) {
    this.#parts = parts;
  }

  /** See `ImageSession.compareLayers`. */
  async compare(
    image: ResolvedImage,
    layers: readonly { number: number; layer: Layer }[],
    onRefuted: (layer: number) => void,
    signal: AbortSignal,
  ): Promise<ComparisonEnd> {
    const { log } = this.#parts;
    let end: ComparisonEnd = 'done';
    for (const layer of new Set(layers.map((one) => one.layer))) {
      const uncompared = this.#parts.layers.uncompared(layer);
      if (!uncompared) continue;
      const numbers = layers.filter((one) => one.layer === layer).map((one) => one.number);
      const number = numbers[0]!;
      try {
        const difference = await this.#compare(image, wantedBlobs(image, [number])[0]!, uncompared, signal);
        if (difference === undefined) continue;
        log.error(`${difference}; reads of layer ${numbers.join(', ')} fail from now on`);
        for (const one of numbers) onRefuted(one);
        end = 'refuted';
      } catch (error) {
        signal.throwIfAborted();
        log.warn(`not compared: ${asLayerslayerError(error).message}`);
        if (end === 'done') end = 'failed';
      }
    }
    return end;
  }

  /**
   * Reads a whole layer in the background, and compares the index in use with what the pass finds.
   * The index of the pass is used from the next opening on. A refuted index is not used again, and
   * reads of the layer fail from now on.
   * @returns the first difference; undefined if there is none
   * @throws LayerslayerError with the layer's number; the signal's reason
   */
  async #compare(
    image: ResolvedImage,
    wanted: WantedBlob,
    { layer, used }: UncomparedLayer,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { fetching, inflate, indexes, layers } = this.#parts;
    const { digest, size, numbers } = wanted;
    const name = originKey(used.origin);
    let comparison: IndexComparison | undefined;
    try {
      const blob = await fetching.openBlob(image, wanted);
      // The pass comes on top of the tables of a mount that is in use.
      const allowance = new TableAllowances().allowance(image, size);
      const pass = async (stored: readonly string[]): Promise<ProvidedIndex> => {
        const compared: ComparedIndex[] = stored.filter((one) => one !== name).map((one) => ({ name: one }));
        const { states } = used;
        const stateFile = 'remote' in states ? await layers.stateFile(image, states.remote) : undefined;
        compared.push({ name, stateFile, given: stored.includes(name) ? undefined : givenIndex(used) });
        const request = { blob, digest, blobSize: size, allowance };
        const end = await inflate.index(request, compared, { signal, isBackground: true });
        comparison = end.comparisons.find((one) => one.name === name);
        return { ...end, origin: OWN };
      };
      const known = await indexes.prove(digest, pass, signal);
      if (known) {
        // Another process has made the index meanwhile. It may have compared the contents too.
        const isRefuted = await indexes.isRefuted(digest, used.origin);
        const found = differenceOf(known.index, used.index, used.origin);
        comparison = { name, difference: found ?? (isRefuted ? 'another pass has refuted it' : undefined) };
      }
      if (!comparison) throw new LayerslayerError('IO_FAILED', 'its index left the cache during the pass');
    } catch (error) {
      throw signal.aborted ? signal.reason : withContext(error, `layer ${numbers.join(', ')}`);
    }
    const { difference } = comparison;
    if (difference === undefined) return undefined;
    await indexes.refute(digest, used.origin, difference);
    const what = `${originText(used.origin)} does not agree with layer ${shortDigest(digest)}: ${difference}`;
    layer.fail(new LayerslayerError('DIGEST_MISMATCH', what));
    return what;
  }
}

/** Returns the index as a message carries it. */
function givenIndex({ index, origin, states: storage }: CachedIndex): GivenIndex {
  const { entries, ...rest } = index;
  return { ...rest, columns: entries.columns, origin, storage };
}
