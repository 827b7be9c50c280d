import { createHash, randomBytes } from 'node:crypto';
import { link, lstat, readdir, rename, unlink } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { systemCode } from '../base/errors.js';
import { SocketDirectory } from '../base/socket-directory.js';

/** Separates a lock's name from its suffix. Lock names do not contain it. */
const SEPARATOR = '~';

/** A lock: a name in a directory that its processes share. */
export interface LockPlace {
  directory: string;
  name: string; // at most 48 bytes, without `~`
}

/**
 * `taken`; `again`: another process was faster; or a connection to the holder. It closes when the
 * holder releases the lock.
 */
export type Attempt = 'taken' | 'again' | Socket;

/**
 * One attempt to take a lock that is a socket file. The process that listens on the file is the
 * holder, in any container. The kernel closes the socket when the process dies. The file outlives a
 * killed holder, and no system call removes a file only if it is still the same one. So a dead file
 * stays until the lock has a holder again:
 *
 * - A process first listens on a file of its own, then links it to the lock's name. link(2) fails
 *   if the name exists.
 * - A file that refuses connections is dead. Its successor has a name made from the file's
 *   identity, so only one file can be linked to it. A dead successor has a successor in turn. The
 *   live file at the end of the chain is the holder's.
 * - The chain begins at the lock's name. A slow process may have linked its file to a replaced
 *   chain. So it then compares the first file with the one it started from.
 * - The holder ends the chain. It renames a link of its own file over the first file, and removes
 *   the rest before it releases the lock. No other process removes or replaces a file of a chain.
 *
 * (Searched exhaustively: 2 processes with 4 tries each, 3 with 2, each killed at any step. There
 * were never two holders. Each removed file was dead or the remover's own.)
 */
export class LockFile {
  readonly #directory: SocketDirectory;
  readonly #name: string;
  readonly #own: string; // name of this process's file until it holds the lock
  #identity = ''; // of that file
  readonly #waiters = new Set<Socket>();
  readonly #server = createServer((waiter) => {
    this.#waiters.add(waiter);
    waiter.on('error', () => {}); // a killed waiter
    waiter.on('close', () => this.#waiters.delete(waiter));
    waiter.resume();
  });
  #isHeld = false;

  private constructor(directory: SocketDirectory, name: string) {
    this.#directory = directory;
    this.#name = name;
    this.#own = `${name}${SEPARATOR}${randomBytes(8).toString('hex')}${SEPARATOR}`;
  }

  /**
   * @throws the system's error: no such directory, no write permission, no sockets in this file
   *   system
   */
  static async prepare({ directory: path, name }: LockPlace): Promise<LockFile> {
    const directory = await SocketDirectory.open(`${path}/.`); // `/.`: the directory itself may be a symlink
    const lock = new LockFile(directory, name);
    try {
      await directory.listen(lock.#own, lock.#server);
      const identity = await directory.identity(lock.#own);
      // A holder that cleans up takes it for dead between bind(2) and listen(2).
      if (identity === undefined)
        throw Object.assign(new Error(`${path}/${lock.#own} was removed`), { code: 'ENOENT' });
      lock.#identity = identity;
      return lock;
    } catch (error) {
      lock.#server.close();
      await directory.close();
      throw error;
    }
  }

  /**
   * @throws the system's error; ENOENT if this lock's file was removed: retry with a new one; Error
   *   if another user has the lock's name, in a directory that several users can write to
   */
  async attempt(): Promise<Attempt> {
    let name = this.#name;
    let first: string | undefined; // identity of the chain's first file
    for (;;) {
      if (await this.#link(name)) return this.#confirm(name, first);
      const identity = await this.#directory.identity(name);
      if (identity === undefined) return 'again';
      const isSocket = await this.#checkOwner(name);
      const contact = await this.#directory.contact(name);
      if (typeof contact !== 'string') return contact;
      // Released. Another file with the same identity may have the name now, and its holder lives.
      if (contact === 'missing' && isSocket) return 'again';
      // The file that refused has this identity only if it still exists.
      if ((await this.#directory.identity(name)) !== identity) return 'again';
      first ??= identity;
      name = this.#name + SEPARATOR + createHash('sha256').update(identity).digest('hex').slice(0, 16);
    }
  }

  /** This lock's file has the name. It holds the lock if the name is the end of the chain. */
  async #confirm(name: string, first: string | undefined): Promise<Attempt> {
    if (name === this.#name) {
      await this.#remove(this.#own);
    } else {
      try {
        if ((await this.#directory.identity(this.#name)) !== first) return 'again';
        await rename(this.#path(this.#own), this.#path(this.#name));
      } finally {
        await this.#remove(name);
      }
    }
    this.#isHeld = true;
    return 'taken';
  }

  /** Removes the files of killed holders and waiters. Only the holder may call it. */
  async #removeDead(): Promise<void> {
    const prefix = this.#name + SEPARATOR;
    for (const name of await readdir(this.#path('.'))) {
      if (!name.startsWith(prefix) || name === this.#own) continue;
      if (await this.#directory.isDead(name)) await this.#remove(name);
    }
  }

  /** Releases the lock, or stops the attempt. */
  async close(): Promise<void> {
    // A holder with waiters leaves this to the last of them.
    if (this.#isHeld && this.#waiters.size === 0) await this.#removeDead().catch(() => {});
    // First free the name, then wake the waiters.
    await this.#directory.removeIf(this.#name, this.#identity).catch(() => {});
    await this.#directory.removeIf(this.#own, this.#identity).catch(() => {});
    this.#server.close();
    for (const waiter of this.#waiters) waiter.destroy();
    await this.#directory.close();
  }

  /** @returns false if the name is taken */
  async #link(name: string): Promise<boolean> {
    try {
      await link(this.#path(this.#own), this.#path(name));
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /** @returns whether the file is a socket; true for one that has vanished */
  async #checkOwner(name: string): Promise<boolean> {
    const status = await lstat(this.#path(name)).catch(() => undefined);
    if (status && status.uid !== process.geteuid?.()) throw new Error(`user ${status.uid} has taken ${name}`);
    return status?.isSocket() ?? true;
  }

  async #remove(name: string): Promise<void> {
    await unlink(this.#path(name)).catch(() => {});
  }

  #path(name: string): string {
    return this.#directory.path(name);
  }
}

/** Returns the names of the locks that have files in the directory. */
export async function lockNames(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return [...new Set(names.map((name) => name.split(SEPARATOR, 1)[0]!))];
}
