/** An image whose layer has an index and no bytes: as large as wanted, and made soon. */
import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SILENT_LOG } from '#src/base/log.js';
import { ContentStore } from '#src/cache/content-store.js';
import { indexKey, LAYER_INDEX_VERSION } from '#src/index/entry-table.js';
import { encodeLayerIndex } from '#src/index/file/encode-index.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { EntryColumnsBuilder } from '#src/index/pass/entry-columns-builder.js';
import { unpackCheckpoints } from '#src/index/states/checkpoints.js';
import type { Digest } from '#src/oci/digest.js';
import { blobName, LayoutBuilder, named, writeDirectory } from '../../support/local-images.js';
import { OCI_CONFIG, OCI_LAYER_TAR, OCI_MANIFEST, sha256 } from '../../support/registry.js';

const NOTHING = new Uint8Array(0);
const BLOB_SIZE = 2 ** 30;
const CACHE_CAP = 2 ** 30;
const GROUP_SIZE = 16;

/**
 * Writes an OCI layout with one image of one layer, and the index of that layer into a cache.
 * @param paths of empty files
 * @returns the reference
 */
export async function writeSyntheticImage(
  { layout, cache }: { layout: string; cache: string },
  paths: Iterable<string>,
): Promise<string> {
  const digest = sha256(layout) as Digest;
  const entries = columnsOf(paths);
  const index = {
    digest,
    codec: 'plain',
    blobSize: BLOB_SIZE,
    tarSize: BLOB_SIZE,
    entries,
    checkpoints: unpackCheckpoints(NOTHING, GROUP_SIZE, NOTHING),
    verification: { kind: 'blocks' as const, blockSize: 64 * 1024, digests: NOTHING },
    warnings: [],
  };
  const store = await ContentStore.open({ directory: cache, capBytes: CACHE_CAP, log: SILENT_LOG });
  await store.write('index', indexKey(LAYER_INDEX_VERSION, digest), await encodeLayerIndex(index, NOTHING));
  await store.close();

  const builder = new LayoutBuilder();
  const rootfs = { type: 'layers', diff_ids: [digest] };
  const config = { os: 'linux', architecture: 'amd64', rootfs, history: [] };
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: builder.blob(OCI_CONFIG, JSON.stringify(config)),
    layers: [{ mediaType: OCI_LAYER_TAR, digest, size: BLOB_SIZE }],
  };
  writeDirectory(layout, builder.top([named(builder.blob(OCI_MANIFEST, JSON.stringify(manifest)), 't')]));
  const blob = join(layout, blobName(digest));
  mkdirSync(dirname(blob), { recursive: true });
  const fd = openSync(blob, 'w'); // one hole
  ftruncateSync(fd, BLOB_SIZE);
  closeSync(fd);
  return `oci:${layout}:t`;
}

function columnsOf(paths: Iterable<string>) {
  const builder = new EntryColumnsBuilder(LAYER_LIMITS, undefined, BLOB_SIZE);
  let dataOffset = 512;
  for (const path of paths) {
    builder.add({
      kind: 'file',
      path: Buffer.from(path),
      linkTarget: NOTHING,
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: 0,
      storedSize: 0,
      mtimeSeconds: 1_700_000_000,
      mtimeNanoseconds: 0,
      deviceMajor: 0,
      deviceMinor: 0,
      dataOffset,
      xattrs: [],
      sparse: undefined,
    });
    dataOffset += 512;
  }
  return builder.finish();
}
