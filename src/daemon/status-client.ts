import { connect } from 'node:net';
import { isHeldByProcess } from '../cache/abstract-socket.js';
import { type LiveStatus, statusSocketName } from './live-status.js';
import type { OurMount } from './our-mounts.js';

/** Far more than a status needs (a path has 4096 bytes); whoever squats on the name can't fill our memory. */
const ANSWER_CAP = 64 * 1024; // bytes

/** A daemon answers from its main thread, which never does heavy work. */
const ANSWER_MS = 1_000;

/** A connection to the daemon of a mount. */
export interface DaemonContact {
  /** Undefined: connected, but no sensible answer within a second (stopped, or not one of ours). */
  status: LiveStatus | undefined;
  /** Resolves when the daemon has ended. */
  ended: Promise<void>;
  close(): void;
}

/** Undefined when nobody answers for this device: the daemon is dead, or in another network namespace. */
export function contactDaemon({
  device,
  owner,
}: Pick<OurMount, 'device' | 'owner'>): Promise<DaemonContact | undefined> {
  return new Promise((resolve) => {
    const name = statusSocketName(device, owner);
    const socket = connect(`\0${name}`);
    let connected = false;
    let answer = '';
    const ended = new Promise<void>((gone) => {
      socket.on('close', () => {
        gone();
        resolve(undefined);
      });
    });
    const settle = (status: LiveStatus | undefined) => {
      clearTimeout(timer);
      if (connected) resolve({ status, ended, close: () => socket.destroy() });
      else socket.destroy();
    };
    const timer = setTimeout(() => settle(undefined), ANSWER_MS);
    socket.on('error', () => socket.destroy());
    socket.on('connect', () => {
      connected = true;
    });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      if (answer.endsWith('\n')) return;
      answer += text;
      if (answer.endsWith('\n')) settle(ownWords(parseStatus(answer), name, owner));
      else if (answer.length > ANSWER_CAP) settle(undefined);
    });
  });
}

/** Anybody may bind the name first, and tell root's scripts which process to kill: only the daemon itself is heard. */
function ownWords(status: LiveStatus | undefined, name: string, owner: number): LiveStatus | undefined {
  return status && isHeldByProcess(name, status.pid, owner) !== false ? status : undefined;
}

const TEXTS = ['mountpoint', 'image', 'digest', 'platform', 'log', 'since'] as const;
const NUMBERS = ['pid', 'bytesFetched', 'bytesServed', 'cacheHits', 'cacheMisses'] as const;

/** Exactly the known members, in their order: an older or foreign daemon can't add to what scripts read. */
export function parseStatus(text: string): LiveStatus | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const found = value as Record<string, unknown>;
  if (!TEXTS.every((key) => typeof found[key] === 'string')) return undefined;
  if (!NUMBERS.every((key) => typeof found[key] === 'number')) return undefined;
  const { mountpoint, image, digest, platform, pid, log, since } = found as unknown as LiveStatus;
  const { bytesFetched, bytesServed, cacheHits, cacheMisses } = found as unknown as LiveStatus;
  return {
    mountpoint,
    image,
    digest,
    platform,
    pid,
    log,
    since,
    bytesFetched,
    bytesServed,
    cacheHits,
    cacheMisses,
  };
}
