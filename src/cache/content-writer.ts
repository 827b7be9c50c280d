import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../base/errors.js';

/** A content to write, and the writer's view of its store. */
interface WriterHost {
  temporary: string; // path, in the store's file system
  path: string; // of the content after `commit`
  /** Runs a step. The store handles a fault, and the result is undefined. */
  guard<T>(step: () => Promise<T>): Promise<T | undefined>;
  /** Called once at the end, to settle the reserve. */
  settle(isCached: boolean): void;
}

/**
 * Writes a content into the store in pieces. Creating a file costs 0.4 ms, appending a page to one
 * 0.07 ms (ext4, measured). So streams are cached in few files. Readers see nothing of it before
 * `commit`.
 */
export class ContentWriter {
  readonly #host: WriterHost;
  readonly #file: FileHandle;
  #isWhole = true;

  private constructor(host: WriterHost, file: FileHandle) {
    this.#host = host;
    this.#file = file;
  }

  /** Returns undefined if the file cannot be created. */
  static async begin(host: WriterHost): Promise<ContentWriter | undefined> {
    const { temporary } = host;
    const file = await host.guard(() => inFolder(temporary, () => open(temporary, 'wx', 0o600)));
    if (file) return new ContentWriter(host, file);
    host.settle(false);
    return undefined;
  }

  /** The caller must not change `bytes` until this resolves. A fault ends all writing. */
  async append(bytes: Uint8Array): Promise<void> {
    if (!this.#isWhole) return;
    this.#isWhole = false;
    await this.#host.guard(async () => {
      // A nearly full disk takes a part, and fails only when it is asked to take the rest.
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
      this.#isWhole = true;
    });
  }

  /**
   * Makes the content visible, unless some of it could not be written.
   * @returns whether it is cached now
   */
  async commit(): Promise<boolean> {
    const { guard, temporary, path, settle } = this.#host;
    let isCached = false;
    await guard(async () => {
      await this.#file.close();
      if (!this.#isWhole) return;
      await inFolder(path, () => rename(temporary, path));
      isCached = true;
    });
    if (!isCached) await unlink(temporary).catch(() => {});
    settle(isCached);
    return isCached;
  }
}

/** Runs a task that needs the path's folder. If it is missing, creates it and retries. */
async function inFolder<T>(path: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return task();
  }
}
