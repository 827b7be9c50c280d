// Caches of images that were opened, without images: layer indexes and image records, written as
// the program writes them.
import { createHash } from 'node:crypto';
import { ContentStore } from '../../../dist/cache/content-store.js';
import { ImageRecords } from '../../../dist/engine/records/image-records.js';
import { indexKey, LAYER_INDEX_VERSION } from '../../../dist/index/entry-table.js';
import { encodeLayerIndex } from '../../../dist/index/file/encode-index.js';
import { LAYER_LIMITS } from '../../../dist/index/layer-limits.js';
import { EntryColumnsBuilder } from '../../../dist/index/pass/entry-columns-builder.js';
import { unpackCheckpoints } from '../../../dist/index/states/checkpoints.js';
import { defaultPlatform } from '../../../dist/oci/platform.js';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const NOTHING = new Uint8Array(0);
const CAP = 4 * 1024 ** 3;
const BLOB_SIZE = 2 ** 31;
const GROUP_SIZE = 16;

/** Entries of a directory, as of an ordinary image. */
const PER_DIRECTORY = 12;
/** Of so many files, one has this suffix, is setuid or large. */
const RARE = 500;
const LARGE = 20 * 1024 ** 2;
const WORDS = ['lib', 'share', 'python3', 'dist-packages', 'include', 'doc', 'locale', 'modules', 'x86_64'];

const digestOf = (text) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** A cache directory being filled. */
export class CatalogCache {
  #store;
  #records;

  static async open(directory) {
    const cache = new CatalogCache();
    cache.#store = await ContentStore.open({ directory, capBytes: CAP, log: SILENT });
    cache.#records = new ImageRecords(Promise.resolve(cache.#store));
    return cache;
  }

  /**
   * Writes the index of a layer.
   * @param entries directories included
   * @param top of its paths: layers with equal ones replace each other's files
   * @returns its descriptor
   */
  async layer(name, entries, top) {
    const digest = digestOf(name);
    const columns = columnsOf(entries, top);
    const encoded = await encodeLayerIndex(
      {
        digest,
        codec: 'gzip',
        blobSize: BLOB_SIZE,
        tarSize: BLOB_SIZE,
        entries: columns,
        checkpoints: unpackCheckpoints(NOTHING, GROUP_SIZE, NOTHING),
        verification: { kind: 'blocks', blockSize: 64 * 1024, digests: NOTHING },
        warnings: [],
      },
      NOTHING,
    );
    await this.#store.write('index', indexKey(LAYER_INDEX_VERSION, digest), encoded);
    return { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: BLOB_SIZE };
  }

  image(reference, layers) {
    const platform = defaultPlatform();
    const image = { reference, digest: digestOf(reference), platform, manifest: { layers }, config: {} };
    this.#records.opened(reference, platform, image, Date.now());
  }

  async close() {
    await this.#records.close();
    await this.#store.close();
  }
}

function columnsOf(entries, top) {
  const builder = new EntryColumnsBuilder(LAYER_LIMITS, undefined, BLOB_SIZE);
  let dataOffset = 512;
  for (let row = 0; row < entries; row++) {
    const number = Math.floor(row / PER_DIRECTORY);
    const folder = `usr/${WORDS[number % WORDS.length]}/${WORDS[(number >> 3) % WORDS.length]}/${top}-package-${number}`;
    const isDirectory = row % PER_DIRECTORY === 0;
    const isRare = row % RARE === RARE - 1;
    const path = isDirectory
      ? `${folder}/`
      : `${folder}/${row % 97}_module_${row}${isRare ? '.pem' : '.so.1'}`;
    const size = isDirectory ? 0 : isRare ? LARGE : (row * 7919) % 50_000;
    builder.add({
      kind: isDirectory ? 'dir' : 'file',
      path: Buffer.from(path),
      linkTarget: NOTHING,
      mode: isDirectory ? 0o755 : isRare ? 0o4755 : 0o644,
      uid: 0,
      gid: 0,
      size,
      storedSize: size,
      mtimeSeconds: 1_700_000_000 + (row % 1000),
      mtimeNanoseconds: 0,
      deviceMajor: 0,
      deviceMinor: 0,
      dataOffset,
      xattrs: [],
      sparse: undefined,
    });
    dataOffset += 512 + Math.ceil(size / 512) * 512;
  }
  return builder.finish();
}
