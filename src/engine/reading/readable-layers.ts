import { BufferPool } from '../../base/buffer-pool.js';
import { asLayerslayerError, type ErrorCode, LayerslayerError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import {
  type CachedIndex,
  type CachedIndexes,
  type IndexOrigin,
  originKey,
  originText,
  type RemoteStates,
  sharedVerification,
} from '../../index/cached-indexes.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { hidesMarkers } from '../../tables/announcement.js';
import type { WantedBlob } from '../blobs/wanted-blobs.js';
import type { BlobVerification } from '../fetch/fetch-protocol.js';
import type { Fetching } from '../fetch/fetching.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';
import type { Layer } from '../layer.js';
import { tablesOf } from '../providers/table-providers.js';
import type { ChunkCache } from './chunk-cache.js';
import { IndexedLayer } from './indexed-layer.js';
import type { SharedFiles } from './shared-files.js';

/** Bytes of the kernel's longest read. A busy mount builds this many at once. */
const RESULT_SIZE = 1024 * 1024;
const IDLE_RESULTS = 4;

/** Faults of a read for which the index may be to blame. */
const OF_INDEX = new Set<ErrorCode>(['DIGEST_MISMATCH', 'CORRUPT_LAYER', 'UNSUPPORTED']);

/** What reading layers needs of a session. */
export interface ReadableLayersParts {
  fetching: Fetching;
  indexes: CachedIndexes;
  chunks: ChunkCache;
  files: SharedFiles;
  log: Log;
}

/** A layer whose index others made, which was not compared with the layer's bytes. */
export interface UncomparedLayer {
  layer: IndexedLayer;
  used: CachedIndex;
}

/** Makes layers of their indexes. All of them share the memory for results. */
export class ReadableLayers {
  readonly #parts: ReadableLayersParts;
  readonly #results = new BufferPool(RESULT_SIZE, IDLE_RESULTS);
  readonly #uncompared = new WeakMap<Layer, UncomparedLayer>();

  constructor(parts: ReadableLayersParts) {
    this.#parts = parts;
  }

  /**
   * Returns the layer that an index describes. The blob's files on this machine are shared.
   * @throws LayerslayerError DIGEST_MISMATCH if its size is not that of the descriptor; what
   *   opening the blob throws
   */
  async of(image: ResolvedImage, wanted: WantedBlob, cached: CachedIndex): Promise<IndexedLayer> {
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
    const stateFile = 'remote' in states ? await this.stateFile(image, states.remote) : undefined;
    const opened = { ...compressed, index: name, tarSize, checkpoints, states, stateFile };
    const { chunks } = this.#parts;
    const hidesTableMarkers = hidesMarkers(tablesOf({ image, wanted }), codec);
    const { entries, fingerprint } = index;
    const shown = { origin, fingerprint, hidesTableMarkers, entries };
    const isOwn = origin.kind === 'own';
    const onFault = isOwn ? undefined : this.#onFault(digest, origin);
    const layer = new IndexedLayer({ opened, ...shown, chunks, results: this.#results, onFault });
    if (!isOwn) this.#uncompared.set(layer, { layer, used: cached });
    return layer;
  }

  /** @returns undefined for a layer that is read by the index of an own pass */
  uncompared(layer: Layer): UncomparedLayer | undefined {
    return this.#uncompared.get(layer);
  }

  /** Opens the index file in a registry that has the states of an index. */
  stateFile(image: ResolvedImage, { repository, digest, size }: RemoteStates): Promise<BlobNumber> {
    return this.#parts.fetching.openDescribed(image, { mediaType: '', digest, size }, repository);
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
}
