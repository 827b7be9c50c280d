import { createHash, randomBytes } from 'node:crypto';
import { link, lstat, readdir, rename, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { systemCode } from '../base/errors.js';
import { SocketDirectory } from '../base/socket-directory.js';

/** Between a lock's name and what is added to it; no lock's name has it. */
const SEPARATOR = '~';

/** A lock: a name in a directory that all its processes share. */
export interface LockPlace {
  directory: string;
  name: string; // at most 48 bytes, without `~`
}

/** `taken`; `again`: another process was faster; or a connection to the holder, which ends when the holder releases the lock. */
export type Attempt = 'taken' | 'again' | Socket;

/**
 * One attempt to hold a lock that is a socket file. The process that listens on the file is the holder, in whatever container it
 * runs, and the kernel closes the socket when the process dies. The file outlives a killed holder, and no system call removes
 * a file on the condition that it is still the same one. So a dead file stays in place until the lock has a holder again:
 *
 * - A process that wants the lock first listens on a file of its own, then links it to the lock's name. link(2) fails when
 *   the name exists.
 * - A file that refuses connections is dead, and has a successor: a name made from the file's identity. Only one file can be
 *   linked to it. That file may be dead too, and has a successor in turn. The live file at the end of the chain is the holder's.
 * - The chain begins at the lock's name. A slow process may have linked its file to a chain that was replaced meanwhile, so
 *   it then compares the first file with the one that it began with.
 * - The holder ends the chain: it renames a link of its own file over the first one, and removes the rest before it releases
 *   the lock. No other process removes or replaces a file of a chain.
 *
 * (Searched exhaustively: 2 processes with 4 tries each, 3 with 2, each killed at any step. There were never two holders, and
 * each removed file was dead or the remover's own.)
 */
export class LockFile {
  readonly #directory: SocketDirectory;
  readonly #name: string;
  readonly #own: string; // the name of our file until the lock is ours
  readonly #identity: string; // of our file
  readonly #server: Server;
  readonly #waiters: Set<Socket>;
  #isHeld = false;

  private constructor(
    directory: SocketDirectory,
    name: string,
    own: string,
    identity: string,
    server: Server,
    waiters: Set<Socket>,
  ) {
    this.#directory = directory;
    this.#name = name;
    this.#own = own;
    this.#identity = identity;
    this.#server = server;
    this.#waiters = waiters;
  }

  /** @throws the system's error: no such directory, no right to write there, no sockets in this file system */
  static async prepare({ directory: path, name }: LockPlace): Promise<LockFile> {
    const directory = await SocketDirectory.open(`${path}/.`); // the directory itself may be a symlink
    const waiters = new Set<Socket>();
    const server = createServer((waiter) => {
      waiters.add(waiter);
      waiter.on('error', () => {}); // a waiter that was killed
      waiter.on('close', () => waiters.delete(waiter));
      waiter.resume();
    });
    try {
      const own = `${name}${SEPARATOR}${randomBytes(8).toString('hex')}${SEPARATOR}`;
      await directory.listen(own, server);
      const identity = await directory.identity(own);
      // A holder that cleans up takes it for dead between bind(2) and listen(2).
      if (identity === undefined)
        throw Object.assign(new Error(`${path}/${own} was removed`), { code: 'ENOENT' });
      return new LockFile(directory, name, own, identity, server, waiters);
    } catch (error) {
      server.close();
      await directory.close();
      throw error;
    }
  }

  /**
   * @throws the system's error; ENOENT when our file was removed: the next try needs another one
   * @throws ForeignLockError another user holds the lock's name
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
      if (typeof contact !== 'string') return contact.socket;
      // Released: what has the name now may be another file with this identity, and its holder lives.
      if (contact === 'missing' && isSocket) return 'again';
      // The file that refused is the one with this identity only if that is still there.
      if ((await this.#directory.identity(name)) !== identity) return 'again';
      first ??= identity;
      name = this.#name + SEPARATOR + createHash('sha256').update(identity).digest('hex').slice(0, 16);
    }
  }

  /** Our file has this name; the lock is ours if that is the end of the chain. */
  async #confirm(name: string, first: string | undefined): Promise<Attempt> {
    if (name === this.#name) {
      await this.#remove(this.#own);
      this.#isHeld = true;
      return 'taken';
    }
    try {
      if ((await this.#directory.identity(this.#name)) !== first) return 'again';
      await rename(this.#path(this.#own), this.#path(this.#name));
    } finally {
      await this.#remove(name);
    }
    this.#isHeld = true;
    return 'taken';
  }

  /** For the holder: removes the files of processes that were killed while they held the lock or waited for it. */
  async #removeDead(): Promise<void> {
    const prefix = this.#name + SEPARATOR;
    for (const name of await readdir(this.#path('.'))) {
      if (!name.startsWith(prefix) || name === this.#own) continue;
      const contact = await this.#directory.contact(name);
      if (contact === 'dead') await this.#remove(name);
      else if (contact !== 'missing') contact.socket.destroy();
    }
  }

  /** Releases the lock, or stops trying. */
  async close(): Promise<void> {
    // A holder that others wait for leaves it to the last of them.
    if (this.#isHeld && this.#waiters.size === 0) await this.#removeDead().catch(() => {});
    // First the name is free, then the waiters are woken.
    await this.#directory.removeIf(this.#name, this.#identity).catch(() => {});
    await this.#directory.removeIf(this.#own, this.#identity).catch(() => {});
    this.#server.close();
    for (const waiter of this.#waiters) waiter.destroy();
    await this.#directory.close();
  }

  /** @returns false when the name is taken */
  async #link(name: string): Promise<boolean> {
    try {
      await link(this.#path(this.#own), this.#path(name));
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /** @returns whether the file is a socket; one that has vanished meanwhile passes as one */
  async #checkOwner(name: string): Promise<boolean> {
    const status = await lstat(this.#path(name)).catch(() => undefined);
    if (status && status.uid !== process.geteuid?.())
      throw new ForeignLockError(`user ${status.uid} has taken ${name}`);
    return status?.isSocket() ?? true;
  }

  async #remove(name: string): Promise<void> {
    await unlink(this.#path(name)).catch(() => {});
  }

  #path(name: string): string {
    return this.#directory.path(name);
  }
}

/** Another user has the lock's name, in a directory that several users write to. That user is not waited for. */
export class ForeignLockError extends Error {}

/** Returns the names of the locks that have files in the directory. */
export async function lockNames(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return [...new Set(names.map((name) => name.split(SEPARATOR, 1)[0]!))];
}
