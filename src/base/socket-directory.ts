import { constants, existsSync, type Stats } from 'node:fs';
import { chmod, type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { systemCode } from './errors.js';
import { fsPath } from './text/raw-text.js';

/**
 * Bytes of `sun_path` without its NUL (unix(7)). Node truncates a longer path and binds the result,
 * perhaps in another directory.
 */
const SOCKET_PATH_MAX = 107;

/** `dead`: the listener has ended and left its file. */
type Contact = Socket | 'dead' | 'missing';

/**
 * An open directory and its Unix sockets, addressed as `/proc/self/fd/N/NAME`. That path is always
 * short, and refers to the same directory while it is open.
 */
export class SocketDirectory {
  readonly status: Stats;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, status: Stats) {
    this.#handle = handle;
    this.status = status;
  }

  /** @throws the system's error: ENOENT; ENOTDIR, also for a symlink */
  static async open(path: string): Promise<SocketDirectory> {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
    const handle = await open(fsPath(path), flags);
    return new SocketDirectory(handle, await handle.stat());
  }

  /** Restricts the directory to its owner. */
  async makePrivate(): Promise<void> {
    if (this.status.mode & 0o077) await this.#handle.chmod(0o700);
  }

  /** @throws Error if Node would truncate the path */
  path(name: string): string {
    const path = `/proc/self/fd/${this.#handle.fd}/${name}`;
    if (Buffer.byteLength(path) > SOCKET_PATH_MAX) throw new Error(`socket name too long: ${name}`);
    return path;
  }

  /**
   * Creates a socket and listens on it. Closing the server removes the file if it still has this
   * name.
   * @throws the system's error: EADDRINUSE if the name is taken, or the error of a file system
   *   without sockets; Error without /proc
   */
  async listen(name: string, server: Server): Promise<void> {
    const path = this.path(name);
    // Without /proc, bind(2) reports ENOENT, as for a removed directory.
    if (!existsSync(this.path('.'))) throw new Error('/proc is not mounted');
    await new Promise<void>((resolve, reject) => {
      // It stays: without a listener, a failed accept(2) (EMFILE) would end the process.
      server.on('error', reject);
      server.listen(path, resolve);
    });
    try {
      await chmod(path, 0o600); // under umask 0777, the owner could not connect
    } catch (error) {
      server.close();
      throw error;
    }
  }

  /** @throws the system's error if the state is unknown: EACCES; EAGAIN if the queue is full */
  contact(name: string): Promise<Contact> {
    const socket = connect(this.path(name));
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(socket));
      socket.once('error', (error) => {
        socket.destroy();
        const code = systemCode(error);
        if (code === 'ECONNREFUSED') resolve('dead');
        else if (code === 'ENOENT') resolve('missing');
        else reject(error);
      });
    });
  }

  /** Returns whether the file's listener has ended. @throws as `contact` */
  async isDead(name: string): Promise<boolean> {
    const contact = await this.contact(name);
    if (typeof contact !== 'string') contact.destroy();
    return contact === 'dead';
  }

  /**
   * Returns an identity of a file that a later file with the same inode number does not share.
   * undefined if there is no file.
   */
  async identity(name: string): Promise<string | undefined> {
    try {
      const { dev, ino, mtimeNs } = await lstat(this.path(name), { bigint: true });
      return `${dev}:${ino}:${mtimeNs}`;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Removes the name if it still refers to that file. */
  async removeIf(name: string, identity: string): Promise<void> {
    if ((await this.identity(name)) === identity) await unlink(this.path(name)).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
