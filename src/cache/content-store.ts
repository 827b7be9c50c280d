import { closeSync, fstatSync, futimesSync, lstatSync, readdirSync, readSync } from 'node:fs';
import { mkdir, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { ContentWriter } from './content-writer.js';
import { sweepLocks } from './machine-lock.js';
import { removeOldLayouts } from './old-layouts.js';
import { newWriterName } from './process-identity.js';
import { openRegular, openRegularSync } from './regular-file.js';
import { SpaceLedger } from './space-ledger.js';
import { prepareStoreDirectory } from './store-directory.js';
import { FOLDER, LOCK_FOLDER, STORE_VERSION, type StoreKind, storePath } from './store-layout.js';
import { chargeOf, type StoredFile, scanStore, sweepTemporaries } from './store-scan.js';

/** Where compressed pages, layer indexes and manifests are kept between mounts. */
export interface CacheOptions {
  directory: string; // absolute
  capBytes: number; // hard cap of all files below it; 0 keeps nothing
}

/** How exactly a file's last use is kept: a hit touches the file's times at most so often. */
const TOUCH_EVERY_MS = 60_000;

export interface ContentStoreOptions {
  directory: string; // absolute
  capBytes: number; // of all processes' files below it; 0: the directory is not touched, and nothing is kept
  log: Log;
}

/**
 * What is kept on disk between mounts, shared by all processes of a user. A store never fails: what it cannot read is a
 * miss, what it cannot write is not kept, and one warning says why. Contents are not trusted: whoever reads them checks
 * them by digest, so writes need no fsync, and `remove`s what is damaged. Each thread opens a store of its own.
 */
export class ContentStore {
  readonly #log: Log;
  readonly #directory: string;
  readonly #root: string | undefined; // undefined: everything is a miss
  readonly #space: SpaceLedger | undefined;
  readonly #writer: string;
  #writable: boolean;
  #temporaries = 0; // names given out
  #isUnlockedTold = false;

  private constructor({ directory, capBytes, log }: ContentStoreOptions, root: string | undefined) {
    this.#log = log;
    this.#directory = directory;
    this.#root = root;
    this.#writer = newWriterName();
    if (root !== undefined && capBytes > 0) {
      this.#space = new SpaceLedger(root, capBytes, {
        writer: this.#writer,
        onUnlocked: (reason) => this.warnUnlocked(reason),
      });
    }
    this.#writable = this.#space !== undefined;
  }

  /** A store that only reads, for threads beside the one that opened the directory (and found it usable) and writes. */
  static forReading(directory: string, log: Log): ContentStore {
    return new ContentStore({ directory, capBytes: 0, log }, join(directory, STORE_VERSION));
  }

  /** Never throws: a directory that cannot be used, or that another user owns, makes a store that keeps nothing. */
  static async open(options: ContentStoreOptions): Promise<ContentStore> {
    if (options.capBytes <= 0) return new ContentStore(options, undefined);
    let root: string;
    try {
      root = await prepareStoreDirectory(options.directory);
    } catch (error) {
      options.log.warn(`the cache is not used: ${(error as Error).message}`);
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

  /** False when nothing is kept from the start: cap 0, or a directory that cannot be used. */
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

  /** The whole content, undefined when it is not there. */
  async read(kind: StoreKind, key: string): Promise<Uint8Array | undefined> {
    const path = this.#path(kind, key);
    if (path === undefined) return undefined;
    try {
      const file = await openRegular(path);
      if (!file) return this.#notRegular(path);
      try {
        const { size, mtimeMs } = await file.stat();
        const bytes = Buffer.allocUnsafeSlow(size);
        const { bytesRead } = await file.read(bytes, 0, size, 0);
        // On a read-only file system it can't be said, and nobody evicts either.
        if (isStale(mtimeMs)) await file.utimes(new Date(), new Date()).catch(() => {});
        return bytesRead === size ? bytes : undefined;
      } finally {
        await file.close();
      }
    } catch (error) {
      this.#missed(path, error);
      return undefined;
    }
  }

  /**
   * As `read`, in one go: for worker threads, where a page from the kernel's cache takes 0.15 ms (measured).
   * @param range of a content that was written piece by piece: `length` bytes from `offset` on, or as many as there are;
   *   undefined when there are none
   * @param lent a buffer for the range, used when it is long enough
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
   * A descriptor open for reading, which the caller closes: the content stays readable when the file is evicted. undefined
   * when it is not there.
   */
  openFd(kind: StoreKind, key: string): number | undefined {
    const path = this.#path(kind, key);
    if (path === undefined) return undefined;
    let fd: number | undefined;
    try {
      fd = openRegularSync(path);
    } catch (error) {
      this.#missed(path, error);
      return undefined;
    }
    if (fd === undefined) return this.#notRegular(path);
    try {
      if (isStale(fstatSync(fd).mtimeMs)) futimesSync(fd, new Date(), new Date());
    } catch {
      // As in `read`.
    }
    return fd;
  }

  /** The last components of the keys `folder/…`; none if the folder cannot be read. */
  namesSync(kind: StoreKind, folder: string): string[] {
    const path = this.#path(kind, folder);
    try {
      return path === undefined ? [] : readdirSync(path);
    } catch (error) {
      this.#missed(path!, error);
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
   * Keeps the content, if the cap allows it. The caller does not change `bytes` until this resolves.
   * @returns whether it was kept
   */
  async write(kind: StoreKind, key: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.#path(kind, key);
    const space = this.#space;
    if (path === undefined || space === undefined || !this.#writable) return false;
    const charge = chargeOf(bytes.length);
    const kept = await this.#guardWrite(async () => {
      if (!(await space.take(charge))) return false;
      try {
        await this.#put(path, bytes);
        space.wrote(charge);
        return true;
      } catch (error) {
        space.giveBack(charge);
        throw error;
      }
    });
    return kept ?? false;
  }

  /** Begins a content of `size` bytes that comes piece by piece; undefined when it can't be kept. */
  async begin(kind: StoreKind, key: string, size: number): Promise<ContentWriter | undefined> {
    const path = this.#path(kind, key);
    const space = this.#space;
    if (path === undefined || space === undefined || !this.#writable) return undefined;
    const charge = chargeOf(size);
    if (!(await this.#guardWrite(() => space.take(charge)))) return undefined;
    return ContentWriter.begin({
      temporary: this.#temporaryPath(),
      path,
      guard: (step) => this.#guardWrite(step),
      makeFolder: (wanted, task) => orMakeFolder(dirname(wanted), task),
      settle: (kept) => (kept ? space.wrote(charge) : space.giveBack(charge)),
    });
  }

  /** Unlinks what turned out to be damaged. Gone already is fine. */
  async remove(kind: StoreKind, key: string): Promise<void> {
    const path = this.#path(kind, key);
    if (path !== undefined) await unlink(path).catch(() => {});
  }

  /**
   * All that is kept, by all processes.
   * @throws LayerslayerError IO_FAILED
   */
  async entries(): Promise<StoredFile[]> {
    return this.#root === undefined ? [] : scanStore(this.#root);
  }

  /**
   * Evicts the oldest, indexes last, until files, folders and what living writers have reserved take `toBytes` of disk at
   * most. 0 clears.
   * @throws LayerslayerError IO_FAILED, and the disk's own faults
   */
  async prune(toBytes: number): Promise<void> {
    await this.#space?.shrink(toBytes);
  }

  /** Gives back what was reserved and not written. Called when no write is under way. */
  async close(): Promise<void> {
    this.#writable = false;
    await this.#space?.close().catch(() => {}); // the next count by anyone finds out that we are gone
  }

  #path(kind: StoreKind, key: string): string | undefined {
    return this.#root === undefined ? undefined : storePath(this.#root, kind, key);
  }

  #temporaryPath(): string {
    return join(this.#root!, FOLDER.temporary, `${this.#writer}.${this.#temporaries++}`);
  }

  /** Writes to a temporary name and renames: nobody ever sees half a file. */
  async #put(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = this.#temporaryPath();
    const write = () => writeFile(temporary, bytes, { flag: 'wx', mode: 0o600 });
    try {
      await orMakeFolder(dirname(temporary), write);
      await orMakeFolder(dirname(path), () => rename(temporary, path));
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw error;
    }
  }

  /** The first fault while writing (a full or read-only disk) ends all writing, with one warning; reads go on. */
  async #guardWrite<T>(task: () => Promise<T>): Promise<T | undefined> {
    try {
      return await task();
    } catch (error) {
      // Somebody is deleting the directory just now: this write is lost, the next one makes the folders anew.
      if (systemCode(error) === 'ENOENT') return undefined;
      if (this.#writable) {
        this.#writable = false;
        this.#log.warn(`the cache ${this.#directory} keeps nothing more: ${(error as Error).message}`);
      }
      return undefined;
    }
  }

  #notRegular(path: string): undefined {
    this.#log.debug(`cache: reading ${path}: not a regular file`);
  }

  #missed(what: string, error: unknown): void {
    if (systemCode(error) !== 'ENOENT')
      this.#log.debug(`cache: reading ${what}: ${(error as Error).message}`);
  }
}

/** Does what needs the folder; when it isn't there (a new layer, or evicted with its last page) makes it, and tries again. */
async function orMakeFolder(folder: string, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await task();
  }
}

function isStale(usedMs: number): boolean {
  return Math.abs(Date.now() - usedMs) >= TOUCH_EVERY_MS;
}
