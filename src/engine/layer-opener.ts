import { BufferPool } from '../base/buffer-pool.js';
import { asLayerslayerError, LayerslayerError, withContext } from '../base/errors.js';
import type { Log } from '../base/log.js';
import {
  type CachedIndex,
  type CachedIndexes,
  type FoundIndex,
  type IndexOrigin,
  type IndexProvider,
  type IndexSources,
  OWN,
  type RemoteStates,
} from '../index/cached-indexes.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { ChunkCache } from './chunk-cache.js';
import type { BlobVerification } from './fetch/fetch-protocol.js';
import type { Fetching } from './fetch/fetching.js';
import type { LayerScanEnd } from './image-session.js';
import { IndexedLayer } from './indexed-layer.js';
import type { InflatePool } from './inflate/inflate-pool.js';
import type { BlobNumber } from './inflate/inflate-protocol.js';
import type { Layer } from './layer.js';
import type { LayerObserver } from './layer-observer.js';
import { HEAD_LENGTH, hasUnknownType } from './layer-types.js';
import type { ProgressReport, ReportedBlob } from './progress-report.js';
import type { SharedFiles } from './shared-files.js';
import { sharedVerification } from './shared-verification.js';
import { TableAllowances } from './table-allowances.js';
import type { WantedBlob } from './wanted-blobs.js';

/** Bytes of the kernel's longest read. A busy mount builds this many at once. */
const RESULT_SIZE = 1024 * 1024;
const IDLE_RESULTS = 4;

/** What layers need of a session. */
export interface LayerOpenerParts {
  fetching: Fetching;
  inflate: InflatePool;
  indexes: CachedIndexes;
  chunks: ChunkCache;
  files: SharedFiles;
  /** Providers of indexes that others made, of which `sources` admits some, in their order. */
  foreign: (image: ResolvedImage, wanted: WantedBlob, sources: IndexSources) => readonly IndexProvider[];
  onOpened: (digest: Digest, origin: IndexOrigin) => void;
  log: Log;
}

/** How one layer is opened. */
export interface OpenHow {
  sources: IndexSources;
  report: ProgressReport;
  signal: AbortSignal;
}

/** Opens layers. A missing index is made in an inflate thread. */
export class LayerOpener {
  readonly #parts: LayerOpenerParts;
  readonly #results = new BufferPool(RESULT_SIZE, IDLE_RESULTS);
  readonly #tables = new TableAllowances();

  constructor(parts: LayerOpenerParts) {
    this.#parts = parts;
  }

  /** @throws LayerslayerError with the layer's number; the signal's reason */
  open(image: ResolvedImage, wanted: WantedBlob, how: OpenHow): Promise<Layer> {
    const { digest, size } = wanted;
    const allowance = this.#tables.allowance(image, size);
    const index = async (blob: BlobNumber) => ({
      bytes: await this.#parts.inflate.index(blob, digest, size, how.signal, allowance),
    });
    return this.#open(image, wanted, index, how);
  }

  /** Returns the layer if its index is cached. */
  async openCached(
    image: ResolvedImage,
    wanted: WantedBlob,
    sources: IndexSources,
  ): Promise<Layer | undefined> {
    const { digest, size } = wanted;
    const origins = this.#parts.foreign(image, wanted, sources).flatMap((provider) => provider.origins);
    const cached = await this.#parts.indexes.load(digest, origins);
    if (!cached) return undefined;
    this.#tables.loaded(image, cached.index);
    const blob = await this.#parts.fetching.openBlob(image, wanted);
    return this.#readable(image, blob, size, cached);
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
    const { ScanReceiver } = await import('./inflate/scan-receiver.js'); // a mount does without
    const { fetching, inflate } = this.#parts;
    const allowance = this.#tables.allowance(image, size);
    const scan = (blob: BlobNumber, end: number) => {
      const receiver = new ScanReceiver(observer, size);
      return inflate.scan({ blob, digest, blobSize: size, allowance }, end, receiver, signal);
    };
    if (headBytes < size) {
      try {
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
      if ('bytes' in end) return end;
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
    index: (blob: BlobNumber) => Promise<FoundIndex>,
    { sources, report, signal }: OpenHow,
  ): Promise<Layer> {
    const { digest, size, numbers } = wanted;
    try {
      const blob = await this.#parts.fetching.openBlob(image, wanted);
      const reported: ReportedBlob = { ...wanted, blob };
      const cached = await this.#parts.indexes.find(digest, {
        providers: [
          ...this.#parts.foreign(image, wanted, sources),
          {
            origins: [],
            find: async () => {
              report.indexing(reported);
              try {
                await this.#checkHead(image, wanted, signal);
                return { ...(await index(blob)), origin: OWN };
              } finally {
                report.passEnded(reported);
              }
            },
          },
        ],
        onWait: () => report.waiting(reported),
        signal,
      });
      this.#tables.loaded(image, cached.index);
      const layer = await this.#readable(image, blob, size, cached);
      this.#parts.onOpened(digest, layer.origin);
      report.done(reported, cached.cached);
      return layer;
    } catch (error) {
      // A stopped layer throws the reason only: another layer's fault is not its own.
      throw signal.aborted ? signal.reason : withContext(error, `layer ${numbers.join(', ')}`);
    }
  }

  /** If a layer's type is unknown, checks its first bytes before fetching more. */
  async #checkHead(
    image: ResolvedImage,
    { digest, size, numbers }: WantedBlob,
    signal: AbortSignal,
  ): Promise<void> {
    if (!hasUnknownType(image, numbers)) return;
    const { checkHead } = await import('./layer-head.js'); // it has the codecs: a mount starts without
    const head = await this.#parts.fetching.head(digest, Math.min(size, HEAD_LENGTH), signal);
    checkHead(head, image.manifest.layers[numbers[0]! - 1]!.mediaType);
  }

  async #readable(
    image: ResolvedImage,
    blob: BlobNumber,
    size: number,
    { index, states, origin }: CachedIndex,
  ): Promise<Layer> {
    const { digest, codec, blobSize, tarSize, checkpoints, verification } = index;
    if (blobSize !== size) {
      // The cached index is right by its digest. The manifest may be wrong.
      throw new LayerslayerError(
        'DIGEST_MISMATCH',
        `${shortDigest(digest)} has ${blobSize} bytes, its descriptor says ${size}`,
      );
    }
    for (const warning of index.warnings) this.#parts.log.warn(`layer ${shortDigest(digest)}: ${warning}`);
    const { fetching, files } = this.#parts;
    const checked: BlobVerification = verification.kind === 'blocks' ? verification : { kind: 'reader' };
    const local = files.share(await fetching.setVerification(digest, checked));
    const shared = sharedVerification(verification);
    const compressed = { blob, digest, codec, blobSize, verification: shared, local };
    const stateFile = 'remote' in states ? await this.#stateFile(image, states.remote) : undefined;
    const opened = { ...compressed, tarSize, checkpoints, states, stateFile };
    const { chunks } = this.#parts;
    return new IndexedLayer({ opened, origin, entries: index.entries, chunks, results: this.#results });
  }

  /** Opens the index file in a registry that has the states of an index. */
  #stateFile(image: ResolvedImage, { repository, digest, size }: RemoteStates): Promise<BlobNumber> {
    return this.#parts.fetching.openDescribed(image, { mediaType: '', digest, size }, repository);
  }
}
