import { closeSync, existsSync, fstatSync, futimesSync, lstatSync, readdirSync, readSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { LayerslayerError, systemCode } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { messageInWords } from '../base/system-error-text.js';
import { ContentWriter } from './content-writer.js';
import { sweepLocks } from './machine-lock.js';
import { removeOldLayouts } from './old-layouts.js';
import { newWriterName } from './process-identity.js';
import { openRegular } from './regular-file.js';
import { SpaceLedger } from './space-ledger.js';
import { prepareStoreDirectory } from './store-directory.js';
import {
  FOLDER,
  LOCK_FOLDER,
  OLD_VERSIONS,
  STORE_VERSION,
  type StoreKind,
  storePath,
} from './store-layout.js';
import { chargeOf, type StoredFile, scanStore, sweepTemporaries } from './store-scan.js';

export type { ContentWriter, StoredFile };

/** Where compressed pages, layer indexes and manifests are cached between mounts. */
export interface CacheOptions {
  directory: string; // absolute
  capBytes: number; // hard cap of all files below it; 0 caches nothing
}

/** Precision of a file's last use: a hit sets the file's times at most this often. */
const TOUCH_EVERY_MS = 60_000;

interface ContentStoreOptions extends CacheOptions {
  log: Log;
  /** Whether reading a file counts as its use. */
  isUse?: boolean;
}

/** How a store reads that writes nothing. */
export interface ReadingOptions {
  /** Whether reading a file counts as its use, which delays its eviction. Default: true. */
  isUse?: boolean;
}

/**
 * The cache on disk, shared by all processes of a user. A store never fails. Contents that it
 * cannot read are a miss; contents that it cannot write are not cached, and one warning says why.
 * Contents are not trusted: readers check them by digest and `remove` damaged ones. So writes need
 * no fsync. Each thread opens its own store.
 */
export class ContentStore {
  readonly #log: Log;
  readonly #directory: string;
  readonly #root: string | undefined; // undefined: everything is a miss
  readonly #space: SpaceLedger | undefined;
  readonly #writer: string;
  readonly #isUse: boolean;
  #writable: boolean;
  #temporaries = 0; // names used
  #isUnlockedTold = false;

  private constructor(options: ContentStoreOptions, root: string | undefined) {
    const { directory, capBytes, log, isUse = true } = options;
    this.#log = log;
    this.#isUse = isUse;
    this.#directory = directory;
    this.#root = root;
    this.#writer = newWriterName();
    if (root !== undefined && capBytes > 0) {
      const onUnlocked = (reason: string) => this.warnUnlocked(reason);
      this.#space = new SpaceLedger(root, capBytes, this.#writer, onUnlocked);
    }
    this.#writable = this.#space !== undefined;
  }

  /** Returns whether a directory holds a cache of this program, of any version. */
  static isThere(directory: string): boolean {
    return [STORE_VERSION, ...OLD_VERSIONS].some((version) => existsSync(join(directory, version)));
  }

  /** Returns a store that only reads, for threads beside the one that opened and writes it. */
  static forReading(directory: string, log: Log, options: ReadingOptions = {}): ContentStore {
    return new ContentStore({ directory, capBytes: 0, log, ...options }, join(directory, STORE_VERSION));
  }

  /** Never throws: a directory that is unusable or another user's makes a store without cache. */
  static async open(options: ContentStoreOptions): Promise<ContentStore> {
    if (options.capBytes <= 0) return new ContentStore(options, undefined);
    let root: string;
    try {
      root = await prepareStoreDirectory(options.directory);
    } catch (error) {
      options.log.warn(`the cache is not used: ${messageInWords(error)}`);
      return new ContentStore(options, undefined);
    }
    const store = new ContentStore(options, root);
    await removeOldLayouts(options.directory);
    await store.#guardWrite(async () => {
      await sweepTemporaries(root);
      await sweepLocks(store.lockDirectory);
      await store.#space?.shrink(options.capBytes);
    });
    return store;
  }

  /** False if the store never caches anything: cap 0, or a directory that cannot be used. */
  get usable(): boolean {
    return this.#root !== undefined;
  }

  /** Directory of the locks of processes that share the cache. */
  get lockDirectory(): string {
    return join(this.#directory, STORE_VERSION, LOCK_FOLDER);
  }

  /** Warns once that processes sharing the directory do not lock each other out. */
  warnUnlocked(reason: string): void {
    if (this.#isUnlockedTold) return;
    this.#isUnlockedTold = true;
    this.#log.warn(`${reason}: processes that share the cache may repeat work and exceed its size limit`);
  }

  /**
   * Returns the content; undefined if it is not cached. A page from the kernel's cache takes
   * 0.15 ms (measured).
   * @param range of a content that was written in pieces: `length` bytes from `offset`, or as many
   *   as there are; the result is undefined if there are none
   * @param lent a buffer for the range, used if it is long enough
   */
  readSync(
    kind: StoreKind,
    key: string,
    range?: { offset: number; length: number },
    lent?: Uint8Array,
  ): Uint8Array | undefined {
    const fd = this.openFd(kind, key);
    if (fd === undefined) return undefined;
    try {
      const { offset, length } = range ?? { offset: 0, length: fstatSync(fd).size };
      const bytes = lent && lent.length >= length ? lent : Buffer.allocUnsafeSlow(length);
      const read = readSync(fd, bytes, 0, length, offset);
      if (range) return read > 0 ? bytes.subarray(0, read) : undefined;
      return read === length ? bytes : undefined;
    } catch (error) {
      this.#missed(`${kind} ${key}`, error);
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Returns a descriptor for reading, which the caller closes; undefined if the content is not
   * cached. It stays readable when the file is evicted.
   */
  openFd(kind: StoreKind, key: string): number | undefined {
    const path = this.#path(kind, key);
    if (path === undefined) return undefined;
    try {
      const fd = openRegular(path);
      if (fd === undefined) this.#log.debug(`cache: reading ${path}: not a regular file`);
      else if (this.#isUse) touch(fd);
      return fd;
    } catch (error) {
      this.#missed(path, error);
      return undefined;
    }
  }

  /**
   * The first components of all keys, or the last ones of the keys `folder/…`; none if the folder
   * cannot be read.
   */
  namesSync(kind: StoreKind, folder?: string): string[] {
    if (this.#root === undefined) return [];
    const path = folder === undefined ? join(this.#root, FOLDER[kind]) : storePath(this.#root, kind, folder);
    try {
      return readdirSync(path);
    } catch (error) {
      this.#missed(path, error);
      return [];
    }
  }

  has(kind: StoreKind, key: string): boolean {
    const path = this.#path(kind, key);
    if (path === undefined) return false;
    try {
      return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
    } catch {
      return false; // as on opening
    }
  }

  /**
   * Caches the content, if the cap allows it. The caller must not change `bytes` until this
   * resolves.
   * @returns whether it was cached
   */
  async write(kind: StoreKind, key: string, bytes: Uint8Array): Promise<boolean> {
    const writer = await this.begin(kind, key, bytes.length);
    await writer?.append(bytes);
    return (await writer?.commit()) ?? false;
  }

  /** Begins a content of `size` bytes, written in pieces; undefined if it cannot be cached. */
  async begin(kind: StoreKind, key: string, size: number): Promise<ContentWriter | undefined> {
    const path = this.#path(kind, key);
    const space = this.#space;
    if (path === undefined || space === undefined || !this.#writable) return undefined;
    const charge = chargeOf(size);
    if (!(await this.#guardWrite(() => space.take(charge)))) return undefined;
    return ContentWriter.begin({
      temporary: join(this.#root!, FOLDER.temporary, `${this.#writer}.${this.#temporaries++}`),
      path,
      guard: (step) => this.#guardWrite(step),
      settle: (isCached) => space.settle(charge, isCached),
    });
  }

  /** Removes a damaged content. Never throws, also if it is gone already. */
  async remove(kind: StoreKind, key: string): Promise<void> {
    const path = this.#path(kind, key);
    if (path !== undefined) await unlink(path).catch(() => {});
  }

  /**
   * Returns all cached files of all processes.
   * @throws LayerslayerError IO_FAILED
   */
  async entries(): Promise<StoredFile[]> {
    return this.#root === undefined ? [] : scanStore(this.#root);
  }

  /**
   * Evicts the oldest files, indexes last, until files, folders and the reserves of living writers
   * take at most `toBytes` of disk. 0 clears the cache.
   * @throws LayerslayerError IO_FAILED, and the disk's own faults
   */
  async prune(toBytes: number): Promise<void> {
    await this.#space?.shrink(toBytes);
  }

  /**
   * Removes files while no other process evicts or takes room. A process that has one open can
   * still read it.
   * @param choose returns those to remove, of all files
   * @returns those that are gone
   * @throws LayerslayerError IO_FAILED, also if another process holds the cache's lock; what
   *   `choose` throws; the disk's own faults
   */
  async removeFiles(choose: (files: readonly StoredFile[]) => readonly StoredFile[]): Promise<StoredFile[]> {
    if (!this.#space) return [];
    const removed = await this.#space.remove(choose);
    if (removed) return removed;
    throw new LayerslayerError('IO_FAILED', `${this.#directory} is locked by another process: try later`);
  }

  /** Releases the unused reserve. Call it after all writes. */
  async close(): Promise<void> {
    this.#writable = false;
    await this.#space?.close().catch(() => {}); // the next process that counts drops our reserve
  }

  #path(kind: StoreKind, key: string): string | undefined {
    return this.#root === undefined ? undefined : storePath(this.#root, kind, key);
  }

  /** Runs a write. The first fault ends all writing, with one warning. Reads continue. */
  async #guardWrite<T>(task: () => Promise<T>): Promise<T | undefined> {
    try {
      return await task();
    } catch (error) {
      // The directory is being deleted. This write is lost; the next one creates the folders again.
      if (systemCode(error) === 'ENOENT') return undefined;
      if (this.#writable) {
        this.#writable = false;
        this.#log.warn(`the cache ${this.#directory} keeps nothing more: ${messageInWords(error)}`);
      }
      return undefined;
    }
  }

  #missed(what: string, error: unknown): void {
    if (systemCode(error) !== 'ENOENT') this.#log.debug(`cache: reading ${what}: ${messageInWords(error)}`);
  }
}

/** Records the use of an open file. */
function touch(fd: number): void {
  try {
    if (Math.abs(Date.now() - fstatSync(fd).mtimeMs) >= TOUCH_EVERY_MS)
      futimesSync(fd, new Date(), new Date());
  } catch {
    // A read-only file system, where no process evicts either.
  }
}
