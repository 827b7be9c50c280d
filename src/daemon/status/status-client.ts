import { statSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { SocketDirectory } from '../../base/socket-directory.js';
import { cpuFairTimer } from '../../base/tasks/cpu-fair-timer.js';
import type { Digest } from '../../oci/digest.js';
import type { OurMount } from '../our-mounts.js';
import { openStatusDirectory, statusDirectories, statusSocketName } from './status-directory.js';

/**
 * Far more than a status needs (a path has 4096 bytes). A user's daemon can't fill root's memory.
 */
const ANSWER_CAP = 64 * 1024; // bytes

/** A daemon answers from its main thread, which never does heavy work. */
const ANSWER_MS = 1_000;

/** Status that a daemon reports about its mount, as `mounts --json` prints it. */
export interface LiveStatus {
  mountpoint: string;
  image: string; // canonical reference
  digest: Digest; // of the manifest
  platform: string; // os/architecture[/variant]
  pid: number;
  log: string; // path
  since: string; // ISO 8601, UTC
  bytesFetched: number; // from the network
  bytesServed: number; // to readers of the mount
  cacheHits: number;
  cacheMisses: number;
  verified: boolean; // false: the index of a layer was not compared with the layer
  /**
   * Of `--verify-later`. `none`: no comparison, perhaps for want of anything to compare. `refuted`:
   * a layer is not what its index says; its reads fail.
   */
  verification: 'none' | 'running' | 'done' | 'failed' | 'refuted';
}

/** A connection to the daemon of a mount. */
export interface DaemonContact {
  /** Undefined: connected, but no sensible answer within a second (stopped, or not one of ours). */
  status: LiveStatus | undefined;
  /** Resolves when the daemon has ended. */
  ended: Promise<void>;
  close(): void;
}

/**
 * Queries the daemon of a mount, through its socket in a directory of the mount's owner.
 * @returns undefined if it is not found: it is dead, or in another container
 */
export async function contactDaemon(
  { device, owner }: Pick<OurMount, 'device' | 'owner'>,
  directories: AsyncIterable<string> | Iterable<string> = statusDirectories(owner),
): Promise<DaemonContact | undefined> {
  const name = statusSocketName(device);
  for await (const path of directories) {
    const socket = await connectIn(path, name, owner);
    if (socket) return talk(socket, owner);
  }
  return undefined;
}

/** Returns undefined if no process listens there. Removes the socket of a killed daemon. */
async function connectIn(path: string, name: string, owner: number): Promise<Socket | undefined> {
  let directory: SocketDirectory | undefined;
  try {
    directory = await openStatusDirectory(path, owner);
    if (!directory) return undefined;
    const identity = await directory.identity(name);
    if (identity === undefined) return undefined;
    const contact = await directory.contact(name);
    if (typeof contact !== 'string') return contact;
    if (contact === 'dead') await directory.removeIf(name, identity);
    return undefined;
  } catch {
    return undefined; // no such directory, or no permission to enter it
  } finally {
    await directory?.close();
  }
}

function talk(socket: Socket, owner: number): Promise<DaemonContact | undefined> {
  if (socket.destroyed) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    let answer = '';
    const ended = new Promise<void>((gone) => {
      socket.on('close', () => {
        cancel();
        gone();
        resolve(undefined);
      });
    });
    const settle = (status: LiveStatus | undefined) => {
      cancel();
      resolve({ status, ended, close: () => socket.destroy() });
    };
    const cancel = cpuFairTimer(ANSWER_MS, () => settle(undefined));
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      if (answer.endsWith('\n')) return;
      answer += text;
      if (answer.endsWith('\n')) settle(ownWords(parseStatus(answer), owner));
      else if (answer.length > ANSWER_CAP) settle(undefined);
    });
  });
}

/**
 * A user could name any pid here, which root's scripts would kill. Only a process of that user is
 * accepted.
 */
function ownWords(status: LiveStatus | undefined, owner: number): LiveStatus | undefined {
  if (!status) return undefined;
  const process = statSync(`/proc/${status.pid}`, { throwIfNoEntry: false });
  return process?.uid === owner ? status : undefined;
}

/** Members that daemons of earlier versions do not report, and what is true of those. */
const LATER = { verified: true, verification: 'none' } as const;

/** In the order of the output. */
const MEMBERS: Readonly<Record<Exclude<keyof LiveStatus, keyof typeof LATER>, 'string' | 'number'>> = {
  mountpoint: 'string',
  image: 'string',
  digest: 'string',
  platform: 'string',
  pid: 'number',
  log: 'string',
  since: 'string',
  bytesFetched: 'number',
  bytesServed: 'number',
  cacheHits: 'number',
  cacheMisses: 'number',
};

/**
 * Returns exactly the known members, in their order: an older or foreign daemon can't add to the
 * output that scripts parse.
 */
export function parseStatus(text: string): LiveStatus | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const found = (value ?? {}) as Record<string, unknown>;
  const members = Object.entries(MEMBERS);
  if (!members.every(([key, type]) => typeof found[key] === type)) return undefined;
  const { verified = LATER.verified, verification = LATER.verification } = found;
  if (typeof verified !== 'boolean' || typeof verification !== 'string') return undefined;
  const known = Object.fromEntries(members.map(([key]) => [key, found[key]]));
  return { ...known, verified, verification } as unknown as LiveStatus;
}
