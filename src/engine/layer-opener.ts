import { BufferPool } from '../base/buffer-pool.js';
import {
  asLayerslayerError,
  type ErrorCode,
  LayerslayerError,
  unsupported,
  withContext,
} from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Semaphore } from '../base/tasks/semaphore.js';
import {
  type CachedIndex,
  type CachedIndexes,
  differenceOf,
  type IndexComparison,
  type IndexOrigin,
  type IndexProvider,
  type IndexSources,
  OWN,
  originKey,
  originText,
  type ProvidedIndex,
  type RemoteStates,
  sharedVerification,
} from '../index/cached-indexes.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { ResolvedImage } from '../source/image-source.js';
import { hidesMarkers } from '../tables/announcement.js';
import { AccessProofs } from './access-proofs.js';
import type { ChunkCache } from './chunk-cache.js';
import type { BlobVerification } from './fetch/fetch-protocol.js';
import type { Fetching } from './fetch/fetching.js';
import type { LayerScanEnd } from './image-session.js';
import { IndexedLayer } from './indexed-layer.js';
import type { InflatePool } from './inflate/inflate-pool.js';
import type { BlobNumber, ComparedIndex, GivenIndex } from './inflate/inflate-protocol.js';
import type { Layer } from './layer.js';
import type { LayerObserver } from './layer-observer.js';
import { HEAD_LENGTH, hasUnknownType } from './layer-types.js';
import type { ProgressReport, ReportedBlob } from './progress-report.js';
import { TableProviders, tablesOf } from './providers/index-providers.js';
import type { SharedFiles } from './shared-files.js';
import { TableAllowances } from './table-allowances.js';
import type { WantedBlob } from './wanted-blobs.js';

/** Bytes of the kernel's longest read. A busy mount builds this many at once. */
const RESULT_SIZE = 1024 * 1024;
const IDLE_RESULTS = 4;

/** Faults of a read for which the index may be to blame. */
const OF_INDEX = new Set<ErrorCode>(['DIGEST_MISMATCH', 'CORRUPT_LAYER', 'UNSUPPORTED']);

/** What layers need of a session. */
export interface LayerOpenerParts {
  fetching: Fetching;
  inflate: InflatePool;
  indexes: CachedIndexes;
  chunks: ChunkCache;
  files: SharedFiles;
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
  readonly #results = new BufferPool(RESULT_SIZE, IDLE_RESULTS);
  readonly #tables = new TableAllowances();
  readonly #announced: TableProviders;
  readonly #proofs: AccessProofs;
  /** Indexes of layers that were not compared with their bytes. */
  readonly #uncompared = new WeakMap<Layer, CachedIndex>();

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
      this.#parts.inflate.compare(
        { blob, digest, blobSize: size, allowance },
        compared.map((name) => ({ name })),
        how,
      );
    return this.#open(image, wanted, index, how);
  }

  /**
   * Reads a layer whole, in the background, and compares its index with what it has. The index of
   * this pass counts from the next opening. A refuted index is not used again, and reads of the
   * layer fail from now on.
   * @returns the first difference; undefined if there is none
   * @throws LayerslayerError with the layer's number; the signal's reason
   */
  async compare(
    image: ResolvedImage,
    wanted: WantedBlob,
    layer: Layer,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const used = this.#uncompared.get(layer);
    if (!used) return undefined;
    const { fetching, inflate, indexes } = this.#parts;
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
        const stateFile = 'remote' in states ? await this.#stateFile(image, states.remote) : undefined;
        compared.push({ name, stateFile, given: stored.includes(name) ? undefined : givenIndex(used) });
        const request = { blob, digest, blobSize: size, allowance };
        const end = await inflate.compare(request, compared, { signal, isBackground: true });
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
    (layer as IndexedLayer).fail(new LayerslayerError('DIGEST_MISMATCH', what));
    return what;
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
    return this.#readable(image, wanted, cached);
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
      const layer = await this.#readable(image, wanted, cached);
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

  async #readable(image: ResolvedImage, wanted: WantedBlob, cached: CachedIndex): Promise<Layer> {
    const { size } = wanted;
    const { index, states, origin } = cached;
    const name = originKey(origin);
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
    const blob = await fetching.openBlob(image, wanted, name);
    const local = files.share(await fetching.setVerification(image, digest, checked, name));
    const shared = sharedVerification(verification);
    const compressed = { blob, digest, codec, blobSize, verification: shared, local };
    const stateFile = 'remote' in states ? await this.#stateFile(image, states.remote) : undefined;
    const opened = { ...compressed, index: name, tarSize, checkpoints, states, stateFile };
    const { chunks } = this.#parts;
    const hidesTableMarkers = hidesMarkers(tablesOf({ image, wanted }), codec);
    const { entries, fingerprint } = index;
    const shown = { origin, fingerprint, hidesTableMarkers, entries };
    const isOwn = origin.kind === 'own';
    const onFault = isOwn ? undefined : this.#onFault(digest, origin);
    const layer = new IndexedLayer({ opened, ...shown, chunks, results: this.#results, onFault });
    if (!isOwn) this.#uncompared.set(layer, cached);
    return layer;
  }

  /**
   * Returns what is called when a read by an index of others has failed. If its bytes were wrong
   * twice, the index may be: the next opening makes an own pass. Else reads fail at each mount.
   */
  #onFault(digest: Digest, origin: IndexOrigin): (error: unknown) => void {
    const { indexes, log } = this.#parts;
    let isRefuted = false;
    return (error) => {
      const { code, message } = asLayerslayerError(error);
      if (isRefuted || !OF_INDEX.has(code)) return;
      isRefuted = true;
      const what = `${originText(origin)} of layer ${shortDigest(digest)}`;
      log.warn(`${what} is not used any more, the next time the layer is read whole: ${message}`);
      void indexes.refute(digest, origin, message);
    };
  }

  /** Opens the index file in a registry that has the states of an index. */
  #stateFile(image: ResolvedImage, { repository, digest, size }: RemoteStates): Promise<BlobNumber> {
    return this.#parts.fetching.openDescribed(image, { mediaType: '', digest, size }, repository);
  }
}

/** Returns the index as a message carries it. */
function givenIndex({ index, origin, states: storage }: CachedIndex): GivenIndex {
  const { entries, ...rest } = index;
  return { ...rest, columns: entries.columns, origin, storage };
}
