import { asLayerslayerError, LayerslayerError, unsupported, withContext } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Semaphore } from '../../base/tasks/semaphore.js';
import {
  type CachedIndexes,
  type IndexOrigin,
  type IndexProvider,
  type IndexSources,
  OWN,
  type ProvidedIndex,
} from '../../index/cached-indexes.js';
import type { Digest } from '../../oci/digest.js';
import type { ResolvedImage } from '../../source/image-source.js';
import type { WantedBlob } from '../blobs/wanted-blobs.js';
import type { Fetching } from '../fetch/fetching.js';
import type { LayerScanEnd } from '../image-session.js';
import type { InflatePool } from '../inflate/inflate-pool.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';
import type { Layer } from '../layer.js';
import type { LayerObserver } from '../layer-observer.js';
import type { ProgressReport, ReportedBlob } from '../progress-report.js';
import { TableProviders } from '../providers/table-providers.js';
import type { ReadableLayers } from '../reading/readable-layers.js';
import { AccessProofs } from './access-proofs.js';
import { HEAD_LENGTH, hasUnknownType } from './layer-types.js';
import { TableAllowances } from './table-allowances.js';

/** What opening layers needs of a session. */
export interface LayerOpenerParts {
  fetching: Fetching;
  inflate: InflatePool;
  indexes: CachedIndexes;
  layers: ReadableLayers;
  /** Providers of published indexes that `sources` admits. */
  published: (image: ResolvedImage, wanted: WantedBlob, sources: IndexSources) => readonly IndexProvider[];
  onOpened: (digest: Digest, origin: IndexOrigin) => void;
  /** See `RegistryOptions`. */
  provesAccess: boolean;
  /** Bytes of a layer that an own pass reads; larger ones are UNSUPPORTED. */
  maxLayerBytes: number;
  log: Log;
}

/** How one layer is opened. */
export interface OpenHow {
  sources: IndexSources;
  report: ProgressReport;
  signal: AbortSignal;
  /** An own pass takes a permit. Default: the caller has taken it. */
  passes?: Semaphore | undefined;
  needsStates?: boolean | undefined; // see `FindIndexOptions`
}

/** Opens layers. A missing index is made in an inflate thread. */
export class LayerOpener {
  readonly #parts: LayerOpenerParts;
  readonly #tables = new TableAllowances();
  readonly #announced: TableProviders;
  readonly #proofs: AccessProofs;

  constructor(parts: LayerOpenerParts) {
    this.#parts = parts;
    const allowance = (image: ResolvedImage, size: number) => this.#tables.allowance(image, size);
    this.#announced = new TableProviders({ ...parts, allowance });
    this.#proofs = new AccessProofs(parts.fetching);
  }

  /** @throws LayerslayerError with the layer's number; the signal's reason */
  open(image: ResolvedImage, wanted: WantedBlob, how: OpenHow): Promise<Layer> {
    const { digest, size } = wanted;
    const allowance = this.#tables.allowance(image, size);
    const index = (blob: BlobNumber, compared: readonly string[]) =>
      this.#parts.inflate.index(
        { blob, digest, blobSize: size, allowance },
        compared.map((name) => ({ name })),
        how,
      );
    return this.#open(image, wanted, index, how);
  }

  /** Returns whether indexes of the layer that others made would be looked for. */
  hasForeign(image: ResolvedImage, wanted: WantedBlob, sources: IndexSources): boolean {
    return this.#foreign(image, wanted, sources).length > 0;
  }

  /** Returns the origin of the index that the layer would be opened with. */
  async originOf(image: ResolvedImage, wanted: WantedBlob, sources: IndexSources): Promise<IndexOrigin> {
    return this.#parts.indexes.expectedOrigin(wanted.digest, this.#foreign(image, wanted, sources));
  }

  /** Returns the layer if its index is cached. */
  async openCached(
    image: ResolvedImage,
    wanted: WantedBlob,
    sources: IndexSources,
  ): Promise<Layer | undefined> {
    const { provesAccess, indexes } = this.#parts;
    if (provesAccess && !this.#proofs.has(image, wanted.digest)) return undefined;
    const origins = this.#foreign(image, wanted, sources).flatMap((provider) => provider.origins);
    const cached = await indexes.load(wanted.digest, origins);
    if (!cached) return undefined;
    this.#tables.loaded(image, cached.index);
    return this.#parts.layers.of(image, wanted, cached);
  }

  /**
   * See `ImageSession.scanLayer`.
   * @throws as `open`; what the observer throws
   */
  async scan(
    image: ResolvedImage,
    wanted: WantedBlob,
    observer: LayerObserver,
    { headBytes = wanted.size, ...how }: OpenHow & { headBytes: number | undefined },
  ): Promise<LayerScanEnd> {
    const { digest, size, numbers } = wanted;
    const { signal } = how;
    const { ScanReceiver } = await import('../inflate/scan-receiver.js'); // a mount does without
    const { fetching, inflate } = this.#parts;
    const allowance = this.#tables.allowance(image, size);
    inflate.start(); // it loads while the blob is opened and locked
    const receiver = new ScanReceiver(observer, size);
    const scan = (blob: BlobNumber, end: number) =>
      inflate.scan({ blob, digest, blobSize: size, allowance }, end, receiver, signal);
    if (headBytes < size) {
      try {
        this.#checkSize(wanted);
        const blob = await fetching.openBlob(image, wanted);
        await this.#checkHead(image, wanted, signal);
        await scan(blob, headBytes);
        return { readBytes: headBytes };
      } catch (error) {
        throw asLayerslayerError(
          signal.aborted ? signal.reason : withContext(error, `layer ${numbers.join(', ')}`),
        );
      }
    }
    let isScanned = false;
    let stoppedAt: number | undefined;
    const index = async (blob: BlobNumber) => {
      isScanned = true;
      const end = await scan(blob, size);
      if ('bytes' in end) return { ...end, entries: receiver.entries };
      stoppedAt = end.readBytes;
      throw new LayerslayerError('ABORTED', 'enough of the layer was read'); // it has no index
    };
    try {
      return { layer: await this.#open(image, wanted, index, how), isScanned };
    } catch (error) {
      if (stoppedAt !== undefined) return { readBytes: stoppedAt };
      throw asLayerslayerError(error);
    }
  }

  /** @param index makes the index by an own pass, if there is no other */
  async #open(
    image: ResolvedImage,
    wanted: WantedBlob,
    index: (blob: BlobNumber, compared: readonly string[]) => Promise<Omit<ProvidedIndex, 'origin'>>,
    { sources, report, signal, passes, needsStates }: OpenHow,
  ): Promise<Layer> {
    const { digest, numbers } = wanted;
    try {
      const blob = await this.#parts.fetching.openBlob(image, wanted);
      const reported: ReportedBlob = { ...wanted, blob };
      const cached = await this.#parts.indexes.find(digest, {
        providers: [
          ...this.#foreign(image, wanted, sources),
          {
            origins: [],
            find: (_, compared) => {
              const pass = async () => {
                this.#checkSize(wanted);
                report.indexing(reported);
                try {
                  await this.#checkHead(image, wanted, signal);
                  return { ...(await index(blob, compared)), origin: OWN };
                } finally {
                  report.passEnded(reported);
                }
              };
              return passes ? passes.run(pass, signal) : pass();
            },
          },
        ],
        needsStates,
        onlyBlocks: this.#parts.provesAccess && !this.#proofs.has(image, digest),
        onWait: () => report.waiting(reported),
        signal,
      });
      if (this.#parts.provesAccess) {
        if (cached.cached) await this.#proofs.prove(image, wanted, cached, signal);
        else if (cached.origin.kind === 'own') this.#proofs.add(image, digest);
      }
      this.#tables.loaded(image, cached.index);
      const layer = await this.#parts.layers.of(image, wanted, cached);
      this.#parts.onOpened(digest, layer.origin);
      report.done(reported, cached.cached);
      return layer;
    } catch (error) {
      // A stopped layer throws the reason only: another layer's fault is not its own.
      throw signal.aborted ? signal.reason : withContext(error, `layer ${numbers.join(', ')}`);
    }
  }

  /** @throws LayerslayerError UNSUPPORTED */
  #checkSize({ size }: WantedBlob): void {
    const { maxLayerBytes } = this.#parts;
    if (size <= maxLayerBytes) return;
    throw unsupported(`it has ${size} bytes, more than --max-layer-size (${maxLayerBytes}) allows to read`);
  }

  /** If a layer's type is unknown, checks its first bytes before fetching more. */
  async #checkHead(
    image: ResolvedImage,
    { digest, size, numbers }: WantedBlob,
    signal: AbortSignal,
  ): Promise<void> {
    if (!hasUnknownType(image, numbers)) return;
    const { checkHead } = await import('./layer-head.js'); // it has the codecs: a mount starts without
    const head = await this.#parts.fetching.readRaw(
      image,
      digest,
      { offset: 0, length: Math.min(size, HEAD_LENGTH) },
      signal,
    );
    checkHead(head, image.manifest.layers[numbers[0]! - 1]!.mediaType);
  }

  /** What hangs under the image's digest comes first: no other account can set it. */
  #foreign(image: ResolvedImage, wanted: WantedBlob, sources: IndexSources): IndexProvider[] {
    const layer = { image, wanted };
    return [
      ...this.#announced.announced(layer, sources),
      ...this.#parts.published(image, wanted, sources),
      ...this.#announced.referring(layer, sources),
    ];
  }
}
