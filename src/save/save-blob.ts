import { createHash, type Hash, randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Blob } from '../blob/blob.js';
import type { CachedPages } from '../blob/cached-pages.js';
import { PAGE_SIZE, pageCount, pageLength } from '../blob/page.js';
import { PageAssembler } from '../blob/page-assembler.js';
import { withMachineLock } from '../cache/machine-lock.js';
import { COMPRESSION_SUFFIXES, compressionSuffix, MAGIC_LENGTH } from '../codec/compression.js';
import { type Digest, digestAlgorithm, digestHex, shortDigest } from '../oci/digest.js';
import { FreeSpace } from './free-space.js';
import { hashComplete, PartialFile } from './partial-file.js';
import type { SavedBlob, SaveTarget } from './saved-blob.js';

/** Characters of a digest in a lock's name, which is short. */
const LOCK_NAME_LENGTH = 32;

/** Of all saves of this thread. */
const space = new FreeSpace();

export interface SaveBlobOptions {
  digest: Digest; // what the bytes must turn out to be
  target: SaveTarget; // its directories are there
  kept: CachedPages; // what earlier index passes have left needs no network
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
  for (const suffix of target.suffixed ? COMPRESSION_SUFFIXES : ['']) {
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
  const { target, digest, log } = options;
  const file = await PartialFile.open(target.partial);
  try {
    const resumed = await fill(file, source, options, { fresh: false });
    if (!resumed.isWhole) {
      // The rest of an earlier attempt may be at fault, or a page on disk, or a cache or a proxy on the way.
      log.warn(`the bytes of ${shortDigest(digest)} are not its own; trying once more`);
      source.reconnect?.();
      if (!(await fill(file, source, options, { fresh: true })).isWhole) throw mismatch(source, digest);
    }
    const suffix = target.suffixed ? compressionSuffix(await file.head(MAGIC_LENGTH)) : '';
    const path = `${target.stem}${suffix}`;
    await file.commit(path);
    return { path, how: resumed.from > 0 ? 'resumed' : 'saved' };
  } catch (error) {
    const isWrong = error instanceof LayerslayerError && error.code === 'DIGEST_MISMATCH';
    if (isWrong || !isResumable || (await isEmpty(file))) await file.discard();
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * Brings the file to its whole length.
 * @param fresh nothing that is there is trusted
 */
async function fill(
  file: PartialFile,
  source: Blob,
  { digest, kept, onProgress, target, signal }: SaveBlobOptions,
  { fresh }: { fresh: boolean },
): Promise<{ from: number; isWhole: boolean }> {
  const { size } = source;
  const hash = createHash(digestAlgorithm(digest));
  const found = await file.size();
  // Whole pages: the ones after them may be on disk. More than the blob has is something else.
  const first = fresh || found > size ? 0 : Math.floor(found / PAGE_SIZE);
  const from = first * PAGE_SIZE;
  await file.truncate(from);
  await file.hash(from, hash, signal);
  onProgress(from);
  const claim = await space.claim(dirname(target.partial), size - from);
  try {
    let done = from;
    const writer = new PageWriter(file, (page) => {
      hash.update(page);
      done += page.length;
      claim.wrote(page.length);
      onProgress(done);
    });
    await copyPages(source, first, fresh ? undefined : kept, writer, signal);
    await writer.end();
  } finally {
    claim.release();
  }
  return { from, isWhole: isDigestOf(hash, digest) };
}

/** @param kept pages to take from disk; undefined: all come from the source */
async function copyPages(
  source: Blob,
  first: number,
  kept: CachedPages | undefined,
  writer: PageWriter,
  signal: AbortSignal,
): Promise<void> {
  const { size } = source;
  const count = pageCount(size);
  for (let page = first; page < count; ) {
    signal.throwIfAborted();
    const content = kept?.readSync(page, writer.buffer());
    if (content?.length === pageLength(page, size)) {
      await writer.add(content, page++);
      continue;
    }
    let next = page + 1;
    while (next < count && !kept?.has(next)) next++;
    const end = Math.min(next * PAGE_SIZE, size);
    const assembler = new PageAssembler(
      page * PAGE_SIZE,
      end,
      PAGE_SIZE,
      () => writer.buffer(),
      (bytes, number) => writer.add(bytes, number),
    );
    await source.stream(page * PAGE_SIZE, end, (chunk) => assembler.add(chunk), signal);
    page = next;
  }
}

/** Writes a page while the next one is received: two buffers take turns. */
class PageWriter {
  readonly #file: PartialFile;
  readonly #onPage: (page: Uint8Array) => void;
  readonly #buffers = [new Uint8Array(PAGE_SIZE), new Uint8Array(PAGE_SIZE)] as const;
  #turn: 0 | 1 = 0;
  #underWay: Promise<void> = Promise.resolve();

  constructor(file: PartialFile, onPage: (page: Uint8Array) => void) {
    this.#file = file;
    this.#onPage = onPage;
  }

  /** The one to fill next: it is not being written. */
  buffer(): Uint8Array {
    return this.#buffers[this.#turn];
  }

  /** Resolves when the page before this one is written. @param page lies in `buffer()`, or is nobody else's */
  async add(page: Uint8Array, number: number): Promise<void> {
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.#onPage(page);
    await this.#underWay;
    this.#underWay = this.#file.write(page, number * PAGE_SIZE);
    this.#underWay.catch(() => {}); // told by the next add, or by end
  }

  end(): Promise<void> {
    return this.#underWay;
  }
}

/** There is nothing to go on with. */
async function isEmpty(file: PartialFile): Promise<boolean> {
  return (await file.size().catch(() => undefined)) === 0;
}

function isDigestOf(hash: Hash, digest: Digest): boolean {
  return hash.digest('hex') === digestHex(digest);
}

function mismatch(source: Blob, digest: Digest): LayerslayerError {
  const doing = `saving ${shortDigest(digest)}`;
  return new LayerslayerError(
    'DIGEST_MISMATCH',
    `${doing}: its ${source.size} bytes have another digest, twice`,
  );
}
