import { createHash, randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { BufferPool } from '../base/buffer-pool.js';
import { LayerslayerError, withContext } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Blob } from '../blob/blob.js';
import { PAGE_SIZE } from '../blob/page.js';
import { streamVerified } from '../blob/verified-stream.js';
import type { ContentStore } from '../cache/content-store.js';
import { withMachineLock } from '../cache/machine-lock.js';
import { formatOf, MAGIC_LENGTH, SUFFIXES } from '../codec/codecs.js';
import { type Digest, digestAlgorithm, digestHex, shortDigest } from '../oci/digest.js';
import { FreeSpace, type SpaceClaim } from './free-space.js';
import { hashComplete, PartialFile } from './partial-file.js';
import type { SavedBlob, SaveTarget } from './saved-blob.js';

/** Characters of a digest in a lock's name, which is short. */
const LOCK_NAME_LENGTH = 32;

/** Of all saves of this thread. */
const space = new FreeSpace();

export interface SaveBlobOptions {
  digest: Digest; // expected
  target: SaveTarget; // its directories exist
  store: ContentStore; // has pages that earlier index passes cached
  /** Receives the length of the file, which grows, except on a retry. */
  onProgress(doneBytes: number): void;
  /** Called if another process saves the same file. */
  onWait(): void;
  log: Log;
  signal: AbortSignal;
}

/**
 * Saves a blob as it is, compressed, under a name that never has other content. Resumes a partial
 * file, and uses cached pages. If the digest is wrong, fetches everything once more.
 * @throws LayerslayerError DIGEST_MISMATCH; IO_FAILED, and the partial file stays; the source's
 *   errors; the signal's reason
 */
export async function saveBlob(source: Blob, options: SaveBlobOptions): Promise<SavedBlob> {
  const { target, digest, onWait, log, signal } = options;
  let { partial } = target;
  const save = async () => (await findComplete(source.size, options)) ?? fetchFile(source, options, partial);
  const directory = dirname(partial);
  const name = `.${digestHex(digest).slice(0, LOCK_NAME_LENGTH)}.lock`;
  const onUnlocked = (reason: string | undefined) => {
    // Concurrent saves must not write to one file. No later save finds a file of this name.
    partial += `.${randomBytes(4).toString('hex')}`;
    if (reason !== undefined)
      log.warn(`${reason}: concurrent saves do not wait for each other and cannot be resumed`);
  };
  return withMachineLock({ directory, name }, save, { onWait, onUnlocked, signal });
}

async function findComplete(size: number, options: SaveBlobOptions): Promise<SavedBlob | undefined> {
  const { target, digest, log, signal } = options;
  for (const suffix of target.suffixed ? SUFFIXES : ['']) {
    const path = `${target.stem}${suffix}`;
    const hash = createHash(digestAlgorithm(digest));
    if (!(await hashComplete(path, size, hash, signal))) continue;
    if (hash.digest('hex') === digestHex(digest)) {
      options.onProgress(size);
      return { path, how: 'complete' };
    }
    log.warn(`${path} is not ${shortDigest(digest)}: saving it again`);
  }
  return undefined;
}

/** @param partial path of the partial file; a later save resumes only the target's */
async function fetchFile(source: Blob, options: SaveBlobOptions, partial: string): Promise<SavedBlob> {
  const { target, digest, store, onProgress, log, signal } = options;
  const { size } = source;
  const file = await PartialFile.open(partial, target.shown);
  const buffers = new BufferPool(PAGE_SIZE, 2);
  let resumedFrom = 0;
  let done = 0;
  let claim: SpaceClaim | undefined;
  try {
    await streamVerified(source, {
      digest,
      store,
      hasBlockDigests: false,
      onStart: async (isRetry, hasher) => {
        const found = await file.size();
        // Whole pages, since the next ones may be cached. A longer file is not of this blob. A
        // retry uses nothing: the partial file or a cached page may be at fault.
        done = isRetry || found > size ? 0 : found - (found % PAGE_SIZE);
        if (!isRetry) resumedFrom = done;
        await file.truncate(done);
        await file.hash(done, hasher, signal);
        onProgress(done);
        claim?.release();
        claim = await space.claim(dirname(partial), size - done, target.shown);
        return done;
      },
      takeBuffer: () => buffers.next(),
      onPart: async (page, offset) => {
        await file.write(page, offset);
        done += page.length;
        claim?.wrote(page.length);
        onProgress(done);
        buffers.release(page.buffer as ArrayBuffer);
      },
      log,
      signal,
    });
    const suffix = target.suffixed ? formatOf(await file.head(MAGIC_LENGTH)).suffix : '';
    const path = `${target.stem}${suffix}`;
    await file.commit(path, { isDurable: !target.isTemporary });
    return { path, how: resumedFrom > 0 ? 'resumed' : 'saved' };
  } catch (error) {
    const isWrong = error instanceof LayerslayerError && error.code === 'DIGEST_MISMATCH';
    const isEmpty = (await file.size().catch(() => undefined)) === 0;
    if (isWrong || isEmpty || partial !== target.partial) await file.discard();
    throw isWrong ? withContext(error, `saving ${shortDigest(digest)}`) : error;
  } finally {
    claim?.release();
    await file.close();
  }
}
