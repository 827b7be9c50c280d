import { asLayerslayerError, LayerslayerError, withContext } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { CachedIndex, CachedIndexes, FoundIndex } from '../index/cached-indexes.js';
import type { IndexPass } from '../index/index-pass.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { Fetching } from './fetch/fetching.js';
import type { LayerWalkEnd } from './image-session.js';
import { IndexedLayer } from './indexed-layer.js';
import { BufferPool } from './inflate/buffer-pool.js';
import type { InflatePool } from './inflate/inflate-pool.js';
import type { BlobNumber } from './inflate/inflate-protocol.js';
import type { Layer } from './layer.js';
import { HEAD_LENGTH, hasUnknownType } from './layer-types.js';
import type { LayerWatcher } from './layer-watcher.js';
import type { ProgressReport, ReportedBlob } from './progress-report.js';
import type { SharedFiles } from './shared-files.js';
import { TableAllowances } from './table-allowances.js';
import type { WantedBlob } from './wanted-blobs.js';
import type { WindowLoader } from './window-loader.js';

/** Bytes of the longest read that the kernel asks for, and how many of them are built at once in a busy mount. */
const RESULT_SIZE = 1024 * 1024;
const IDLE_RESULTS = 4;

/** What a session has that a layer needs. */
export interface LayerOpenerParts {
  fetching: Fetching;
  inflate: InflatePool;
  indexes: CachedIndexes;
  windows: WindowLoader;
  files: SharedFiles;
  log: Log;
}

/** Opens layers: with the cached index, or with one made in an inflate thread, or in this one for an observer. */
export class LayerOpener {
  readonly #parts: LayerOpenerParts;
  readonly #results = new BufferPool(RESULT_SIZE, IDLE_RESULTS);
  readonly #tables = new TableAllowances();

  constructor(parts: LayerOpenerParts) {
    this.#parts = parts;
  }

  /** @throws LayerslayerError told with the layer's number; the signal's reason */
  open(
    image: ResolvedImage,
    wanted: WantedBlob,
    report: ProgressReport,
    signal: AbortSignal,
  ): Promise<Layer> {
    const index = (blob: BlobNumber) => this.#runIndexPass(image, blob, wanted, signal);
    return this.#open(image, wanted, index, report, signal);
  }

  /** The layer if its index is kept. */
  async openKept(image: ResolvedImage, wanted: WantedBlob): Promise<Layer | undefined> {
    const { digest, size } = wanted;
    const kept = await this.#parts.indexes.load(digest);
    if (!kept) return undefined;
    this.#tables.loaded(image, kept.index);
    const blob = await this.#parts.fetching.openBlob(image, wanted);
    return this.#readable(blob, size, kept);
  }

  /**
   * See `ImageSession.walkLayer`.
   * @throws as `open`; what the watcher throws
   */
  async walk(
    image: ResolvedImage,
    wanted: WantedBlob,
    watcher: LayerWatcher,
    {
      report,
      signal,
      headBytes,
    }: { report: ProgressReport; signal: AbortSignal; headBytes: number | undefined },
  ): Promise<LayerWalkEnd> {
    const { digest, size, numbers } = wanted;
    const { walkBlob } = await import('./blob-walk.js'); // a mount does without
    const { fetching } = this.#parts;
    const connect = fetching.attach.bind(fetching);
    const allowance = this.#tables.allowance(image, size);
    const walk = (blob: BlobNumber, end: number) =>
      walkBlob(watcher, { blob, digest, blobSize: size, end, allowance, connect, signal });
    let isWalked = false;
    let stoppedAt: number | undefined;
    const index = async (blob: BlobNumber) => {
      isWalked = true;
      const end = await walk(blob, size);
      if ('pass' in end) return finished(end.pass, end.pageDigests, digest);
      stoppedAt = end.readBytes;
      throw new LayerslayerError('ABORTED', 'enough of the layer was read'); // nothing is kept of it
    };
    try {
      if (headBytes === undefined || headBytes >= size) {
        return { layer: await this.#open(image, wanted, index, report, signal), isWalked };
      }
      const blob = await this.#parts.fetching.openBlob(image, wanted);
      try {
        await this.#checkHead(image, wanted, signal);
        await walk(blob, headBytes);
      } catch (error) {
        throw signal.aborted ? signal.reason : withContext(error, `layer ${numbers.join(', ')}`);
      }
      return { readBytes: headBytes };
    } catch (error) {
      if (stoppedAt !== undefined) return { readBytes: stoppedAt };
      throw asLayerslayerError(error);
    }
  }

  /** @param index makes the index, when there is none kept */
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
      const reported: ReportedBlob = { blob, layers: numbers, totalBytes: size };
      const kept = await this.#parts.indexes.find(digest, {
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
      this.#tables.loaded(image, kept.index);
      const layer = await this.#readable(blob, size, kept);
      report.done(reported, kept.cached);
      return layer;
    } catch (error) {
      // What was stopped tells why, and no more: another layer's fault is not this one's.
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

  async #runIndexPass(
    image: ResolvedImage,
    blob: BlobNumber,
    { digest, size }: WantedBlob,
    signal: AbortSignal,
  ): Promise<FoundIndex> {
    const allowance = this.#tables.allowance(image, size);
    return { bytes: await this.#parts.inflate.index(blob, digest, size, signal, allowance) };
  }

  async #readable(blob: BlobNumber, size: number, { index, states }: CachedIndex): Promise<Layer> {
    const { digest, codec, blobSize, tarSize, checkpoints, verification } = index;
    if (blobSize !== size) {
      // A kept index is right by its digest; a manifest may still say what it likes.
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
    const compressed = { blob, digest, codec, blobSize, pageDigests: digests, local };
    this.#parts.inflate.open({ ...compressed, tarSize, checkpoints, states });
    return new IndexedLayer({
      digest,
      entries: index.entries,
      tarSize,
      blob,
      windows: this.#parts.windows,
      results: this.#results,
    });
  }
}

async function finished(pass: IndexPass, pageDigests: Uint8Array, digest: Digest): Promise<FoundIndex> {
  try {
    return await pass.finish(pageDigests);
  } catch (error) {
    throw withContext(error, `reading layer ${shortDigest(digest)}`);
  }
}
