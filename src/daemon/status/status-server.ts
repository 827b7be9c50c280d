import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { systemCode } from '../../base/errors.js';
import type { SocketDirectory } from '../../base/socket-directory.js';
import type { LiveStatus } from './status-client.js';
import { openOwnStatusDirectory, statusSocketName } from './status-directory.js';

/**
 * Maximum concurrent clients. Only this user and root can connect, but their programs may have
 * bugs.
 */
const CONNECTIONS = 64;

/** An asker that holds its connection (to see the daemon end) is let go after this. */
const CONNECTION_MS = 60_000;

/**
 * Check interval: systemd removes /run/user/UID when the user logs out, and the daemon lives on.
 */
const CHECK_MS = 60_000;

/**
 * Retries: another process may consider a socket dead between its bind(2) and listen(2), and remove
 * it.
 */
const TRIES = 3;

/** The status socket of a mount. */
export interface StatusService {
  /** Recreates the socket if it is gone. Called once a minute. */
  check(): Promise<void>;
  /** Removes the socket. Connected clients stay connected until the process ends. */
  close(): Promise<void>;
}

/**
 * Answers each connection to the mount's socket with one line of JSON, then keeps it open. Its end
 * signals the end of the daemon.
 * @param device `major:minor` of the mount
 * @param open finds the directory for the socket
 * @throws Error if the socket cannot be created
 */
export async function serveStatus(
  device: string,
  status: () => LiveStatus,
  open: () => Promise<SocketDirectory> = openOwnStatusDirectory,
): Promise<StatusService> {
  const name = statusSocketName(device);
  let current = await appear(name, status, open);
  let isClosed = false;
  const check = async () => {
    const { directory, identity, server } = current;
    if (isClosed || (await directory.identity(name).catch(() => undefined)) === identity) return;
    current = await appear(name, status, open);
    server.close();
    await directory.close();
    if (isClosed) await disappear();
  };
  const disappear = () => current.directory.removeIf(name, current.identity).catch(() => {});
  const timer = setInterval(() => void check().catch(() => {}), CHECK_MS).unref();
  return {
    check,
    async close() {
      isClosed = true;
      clearInterval(timer);
      await disappear();
      await current.directory.close();
    },
  };
}

interface Appearance {
  directory: SocketDirectory;
  identity: string;
  server: Server;
}

/**
 * Names the socket by a rename once it listens. The kernel reuses a device number up to 2 s before
 * its last daemon has ended, and a killed daemon leaves its socket.
 */
async function appear(
  name: string,
  status: () => LiveStatus,
  open: () => Promise<SocketDirectory>,
): Promise<Appearance> {
  const directory = await open();
  const server = answering(status);
  try {
    for (let tries = 1; ; tries++) {
      const temporary = `.${randomBytes(8).toString('hex')}`;
      try {
        await directory.listen(temporary, server);
        await rename(directory.path(temporary), directory.path(name));
        break;
      } catch (error) {
        if (systemCode(error) !== 'ENOENT' || tries === TRIES) throw error;
        await new Promise((closed) => server.close(closed));
      }
    }
    const identity = await directory.identity(name);
    if (identity === undefined) throw new Error(`${name} was removed`);
    server.unref();
    return { directory, identity, server };
  } catch (error) {
    server.close();
    await directory.close();
    throw error;
  }
}

function answering(status: () => LiveStatus): Server {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy()); // the asker went away
    socket.setTimeout(CONNECTION_MS, () => socket.destroy());
    socket.unref();
    socket.resume(); // nothing is expected; reading on shows its end
    socket.write(`${JSON.stringify(status())}\n`);
  });
  server.maxConnections = CONNECTIONS;
  return server;
}
