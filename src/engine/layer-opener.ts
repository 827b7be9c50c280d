import { BufferPool } from '../base/buffer-pool.js';
import { asLayerslayerError, LayerslayerError, withContext } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { CachedIndex, CachedIndexes, FoundIndex } from '../index/cached-indexes.js';
import { shortDigest } from '../oci/digest.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { ChunkCache } from './chunk-cache.js';
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
  log: Log;
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
  open(
    image: ResolvedImage,
    wanted: WantedBlob,
    report: ProgressReport,
    signal: AbortSignal,
  ): Promise<Layer> {
    const { digest, size } = wanted;
    const allowance = this.#tables.allowance(image, size);
    const index = async (blob: BlobNumber) => ({
      bytes: await this.#parts.inflate.index(blob, digest, size, signal, allowance),
    });
    return this.#open(image, wanted, index, report, signal);
  }

  /** Returns the layer if its index is cached. */
  async openCached(image: ResolvedImage, wanted: WantedBlob): Promise<Layer | undefined> {
    const { digest, size } = wanted;
    const cached = await this.#parts.indexes.load(digest);
    if (!cached) return undefined;
    this.#tables.loaded(image, cached.index);
    const blob = await this.#parts.fetching.openBlob(image, wanted);
    return this.#readable(blob, size, cached);
  }

  /**
   * See `ImageSession.scanLayer`.
   * @throws as `open`; what the observer throws
   */
  async scan(
    image: ResolvedImage,
    wanted: WantedBlob,
    observer: LayerObserver,
    options: { report: ProgressReport; signal: AbortSignal; headBytes: number | undefined },
  ): Promise<LayerScanEnd> {
    const { digest, size, numbers } = wanted;
    const { report, signal, headBytes = size } = options;
    const { ScanReceiver } = await import('./inflate/scan-receiver.js'); // a mount does without
    const { fetching, inflate } = this.#parts;
    const allowance = this.#tables.allowance(image, size);
    inflate.start(); // it loads while the blob is opened and locked
    const receiver = new ScanReceiver(observer, size);
    const scan = (blob: BlobNumber, end: number) =>
      inflate.scan({ blob, digest, blobSize: size, allowance }, end, receiver, signal);
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
      if ('bytes' in end) return { bytes: end.bytes, entries: receiver.entries };
      stoppedAt = end.readBytes;
      throw new LayerslayerError('ABORTED', 'enough of the layer was read'); // it has no index
    };
    try {
      return { layer: await this.#open(image, wanted, index, report, signal), isScanned };
    } catch (error) {
      if (stoppedAt !== undefined) return { readBytes: stoppedAt };
      throw asLayerslayerError(error);
    }
  }

  /** @param index makes the index if none is cached */
  async #open(
    image: ResolvedImage,
    wanted: WantedBlob,
    index: (blob: BlobNumber) => Promise<FoundIndex>,
    report: ProgressReport,
    signal: AbortSignal,
  ): Promise<Layer> {
    const { digest, size, numbers } = wanted;
    try {
      const blob = await this.#parts.fetching.openBlob(image, wanted);
      const reported: ReportedBlob = { ...wanted, blob };
      const cached = await this.#parts.indexes.find(digest, {
        providers: [
          {
            find: async () => {
              report.indexing(reported);
              try {
                await this.#checkHead(image, wanted, signal);
                return await index(blob);
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
      const layer = await this.#readable(blob, size, cached);
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

  async #readable(blob: BlobNumber, size: number, { index, states }: CachedIndex): Promise<Layer> {
    const { digest, codec, blobSize, tarSize, checkpoints, verification } = index;
    if (blobSize !== size) {
      // The cached index is right by its digest. The manifest may be wrong.
      throw new LayerslayerError(
        'DIGEST_MISMATCH',
        `${shortDigest(digest)} has ${blobSize} bytes, its descriptor says ${size}`,
      );
    }
    if (verification.kind !== 'blocks') {
      throw new LayerslayerError('UNSUPPORTED', `verifying ${shortDigest(digest)} by ${verification.kind}`);
    }
    for (const warning of index.warnings) this.#parts.log.warn(`layer ${shortDigest(digest)}: ${warning}`);
    const { digests } = verification;
    const local = this.#parts.files.share(await this.#parts.fetching.setBlockDigests(digest, digests));
    const compressed = { blob, digest, codec, blobSize, blockDigests: digests, local };
    const opened = { ...compressed, tarSize, checkpoints, states };
    const { chunks } = this.#parts;
    return new IndexedLayer({ opened, entries: index.entries, chunks, results: this.#results });
  }
}
