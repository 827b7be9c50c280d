import { createHash, type Hash, randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { BufferPool } from '../base/buffer-pool.js';
import { LayerslayerError, withContext } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Blob } from '../blob/blob.js';
import type { CachedPages } from '../blob/cached-pages.js';
import { PAGE_SIZE } from '../blob/page.js';
import { streamVerified } from '../blob/verified-stream.js';
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
  digest: Digest; // what the bytes must turn out to be
  target: SaveTarget; // its directories are there
  cached: CachedPages; // what earlier index passes left there needs no network
  /** The file is so long by now; it grows, but for an attempt that must be made again. */
  onProgress(doneBytes: number): void;
  /** Another process saves the same file. */
  onWait(): void;
  log: Log;
  signal: AbortSignal;
}

/**
 * Saves a blob as it is, compressed, under a name that only ever stands for the whole of it. What an interrupted save has left is
 * gone on with, pages on disk are used, and the digest of all decides: when it is wrong everything is fetched once more.
 * @throws LayerslayerError DIGEST_MISMATCH; IO_FAILED, what there is of the partial file stays; the source's errors; the signal's reason
 */
export async function saveBlob(source: Blob, options: SaveBlobOptions): Promise<SavedBlob> {
  const { target, digest, onWait, log, signal } = options;
  let isResumable = true;
  const save = async () =>
    (await findComplete(source.size, options)) ?? fetchFile(source, options, { isResumable });
  const directory = dirname(target.partial);
  const name = `.${digestHex(digest).slice(0, LOCK_NAME_LENGTH)}.lock`;
  const onUnlocked = (reason: string | undefined) => {
    // Concurrent saves must not write to one file. No later save finds a file of this name.
    isResumable = false;
    options = {
      ...options,
      target: { ...target, partial: `${target.partial}.${randomBytes(4).toString('hex')}` },
    };
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
    if (isDigestOf(hash, digest)) {
      options.onProgress(size);
      return { path, how: 'complete' };
    }
    log.warn(`${path} is not ${shortDigest(digest)}: saving it anew`);
  }
  return undefined;
}

/** @param isResumable a later save goes on with the partial file */
async function fetchFile(
  source: Blob,
  options: SaveBlobOptions,
  { isResumable }: { isResumable: boolean },
): Promise<SavedBlob> {
  const { target, digest, cached, onProgress, log, signal } = options;
  const { size } = source;
  const file = await PartialFile.open(target.partial);
  const buffers = new BufferPool(PAGE_SIZE, 2);
  let resumedFrom = 0;
  let done = 0;
  let claim: SpaceClaim | undefined;
  try {
    await streamVerified(source, {
      digest,
      cached,
      hasBlockDigests: false,
      onStart: async (isRetry, hasher) => {
        // The rest of an earlier attempt may be at fault, or a cached page, or what is on the way.
        const found = await file.size();
        // Whole pages: the ones after them may be on disk. More than the blob has is something else.
        done = isRetry || found > size ? 0 : found - (found % PAGE_SIZE);
        if (!isRetry) resumedFrom = done;
        await file.truncate(done);
        await file.hash(done, hasher, signal);
        onProgress(done);
        claim?.release();
        claim = await space.claim(dirname(target.partial), size - done);
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
    await file.commit(path);
    return { path, how: resumedFrom > 0 ? 'resumed' : 'saved' };
  } catch (error) {
    const isWrong = error instanceof LayerslayerError && error.code === 'DIGEST_MISMATCH';
    if (isWrong || !isResumable || (await isEmpty(file))) await file.discard();
    throw isWrong ? withContext(error, `saving ${shortDigest(digest)}`) : error;
  } finally {
    claim?.release();
    await file.close();
  }
}

/** There is nothing to go on with. */
async function isEmpty(file: PartialFile): Promise<boolean> {
  return (await file.size().catch(() => undefined)) === 0;
}

function isDigestOf(hash: Hash, digest: Digest): boolean {
  return hash.digest('hex') === digestHex(digest);
}
