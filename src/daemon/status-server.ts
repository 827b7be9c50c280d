import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LiveStatus, statusSocketName } from './live-status.js';

/** Askers at once; anybody on the machine can connect, so that there must be an end. */
const CONNECTIONS = 64;

/** An asker that holds its connection (to see the daemon end) is let go after this. */
const CONNECTION_MS = 60_000;

/** The kernel gives a device's number out again before its last daemon has ended, which takes that up to 2 s. */
const NAME_FREE_MS = 3_000;
const RETRY_MS = 20;

/**
 * Answers each connection with one line of JSON, then holds it: that it closes tells the asker that the daemon has
 * ended. Resolves to false when the name stays taken (somebody squats on it): the mount works, `mounts` won't see it.
 */
export async function serveStatus(
  device: string,
  status: () => LiveStatus,
  nameFreeMs: number = NAME_FREE_MS,
): Promise<boolean> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy()); // the asker went away
    socket.setTimeout(CONNECTION_MS, () => socket.destroy());
    socket.resume(); // nothing is expected; reading on shows its end
    socket.write(`${JSON.stringify(status())}\n`);
  });
  server.maxConnections = CONNECTIONS;
  const name = `\0${statusSocketName(device, process.geteuid?.() ?? 0)}`;
  const deadline = performance.now() + nameFreeMs;
  while (!(await listens(server, name))) {
    if (performance.now() >= deadline) return false;
    await sleep(RETRY_MS);
  }
  server.unref();
  return true;
}

function listens(server: Server, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (does: boolean) => {
      server.off('error', refused);
      server.off('listening', accepted);
      resolve(does);
    };
    const refused = () => settle(false);
    const accepted = () => settle(true);
    server.once('error', refused);
    server.once('listening', accepted);
    server.listen(name);
  });
}
