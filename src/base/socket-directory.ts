import { constants, existsSync, type Stats } from 'node:fs';
import { chmod, type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { systemCode } from './errors.js';
import { fsPath } from './raw-text.js';

/** Bytes of `sun_path` without its NUL (unix(7)). Node cuts a longer path and binds what is left, in some other directory. */
const SOCKET_PATH_MAX = 107;

/** `dead`: its listener has ended and left the file. */
export type Contact = { socket: Socket } | 'dead' | 'missing';

/**
 * An open directory and the Unix sockets in it, addressed as `/proc/self/fd/N/NAME`: short, whatever the directory's path, and
 * the same directory for as long as this is open.
 */
export class SocketDirectory {
  readonly status: Stats;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, status: Stats) {
    this.#handle = handle;
    this.status = status;
  }

  /** @throws the system's error: ENOTDIR, also for a symlink; ENOENT … */
  static async open(path: string): Promise<SocketDirectory> {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
    const handle = await open(fsPath(path), flags);
    return new SocketDirectory(handle, await handle.stat());
  }

  /** Makes it its owner's only. */
  async makePrivate(): Promise<void> {
    if (this.status.mode & 0o077) await this.#handle.chmod(0o700);
  }

  /** @throws Error for a name that Node would cut */
  path(name: string): string {
    const path = `/proc/self/fd/${this.#handle.fd}/${name}`;
    if (Buffer.byteLength(path) > SOCKET_PATH_MAX) throw new Error(`socket name too long: ${name}`);
    return path;
  }

  /**
   * Makes a socket and listens on it. The file is removed when the server is closed, if it still has this name.
   * @throws the system's error: EADDRINUSE when the name is taken; what a file system without sockets answers; Error without
   *   /proc
   */
  async listen(name: string, server: Server = createServer()): Promise<Server> {
    const path = this.path(name);
    // Without it bind(2) says ENOENT, as for a directory that was removed.
    if (!existsSync(this.path('.'))) throw new Error('/proc is not mounted');
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
    try {
      await chmod(path, 0o600); // under umask 0777 its own user could not connect
    } catch (error) {
      server.close();
      throw error;
    }
    return server;
  }

  /** @throws the system's error when it is neither there nor known to be dead: EACCES, EAGAIN when too many wait */
  contact(name: string): Promise<Contact> {
    const socket = connect(this.path(name));
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve({ socket }));
      socket.once('error', (error) => {
        socket.destroy();
        const code = systemCode(error);
        if (code === 'ECONNREFUSED') resolve('dead');
        else if (code === 'ENOENT') resolve('missing');
        else reject(error);
      });
    });
  }

  /** Identifies a file in it, also against one that gets the same inode number later; undefined when there is none. */
  async identity(name: string): Promise<string | undefined> {
    try {
      const { dev, ino, mtimeNs } = await lstat(this.path(name), { bigint: true });
      return `${dev}:${ino}:${mtimeNs}`;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Removes the name, if it still stands for that file. */
  async removeIf(name: string, identity: string): Promise<void> {
    if ((await this.identity(name)) === identity) await unlink(this.path(name)).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
