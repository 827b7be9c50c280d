import { createServer } from 'node:net';
import { type LiveStatus, statusSocketName } from './live-status.js';

/** Askers at once; anybody on the machine can connect, so that there must be an end. */
const CONNECTIONS = 64;

/** An asker that holds its connection (to see the daemon end) is let go after this. */
const CONNECTION_MS = 60_000;

/**
 * Answers each connection with one line of JSON, then holds it: that it closes tells the asker that the daemon has
 * ended. Resolves to false when the name is taken (somebody squats on it): the mount works, `mounts` won't see it.
 */
export async function serveStatus(device: string, status: () => LiveStatus): Promise<boolean> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy()); // the asker went away
    socket.setTimeout(CONNECTION_MS, () => socket.destroy());
    socket.resume(); // nothing is expected; reading on shows its end
    socket.write(`${JSON.stringify(status())}\n`);
  });
  server.maxConnections = CONNECTIONS;
  return new Promise((resolve) => {
    server.on('error', () => resolve(false));
    server.listen(statusSocketName(device), () => {
      server.unref();
      resolve(true);
    });
  });
}
