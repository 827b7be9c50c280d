import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.js';
import { MAX_READ_SIZE } from '../dev-fuse/negotiation.js';

/** Milliseconds between looks. */
const LOOK_MS = 200;

/** What the kernel keeps for each mount by its device number, `0:39`, as long as anybody uses the mount or a file of it. */
const placeOf = (device: string) => `/sys/class/bdi/${device}`;

/**
 * The kernel reads 128 KiB ahead on every new FUSE mount, whatever was agreed at INIT, unless root says more here. With
 * 1 MiB a sequential read costs an eighth of the requests. Without the right to do so (container, /sys read-only) it
 * works as before.
 */
export async function raiseReadAhead(device: string | undefined, log: Log): Promise<void> {
  if (device === undefined) return;
  try {
    await writeFile(`${placeOf(device)}/read_ahead_kb`, String(MAX_READ_SIZE / 1024));
  } catch (error) {
    log.debug(`read-ahead stays at the kernel's default: ${(error as Error).message}`);
  }
}

/**
 * Resolves when a mount is unmounted and nobody uses its files any more, so that nobody waits for an answer. Never where the
 * kernel does not show its devices (no /sys). Does not keep the process alive.
 */
export async function deviceGone(device: string | undefined): Promise<void> {
  if (device === undefined || !existsSync(placeOf(device))) return new Promise(() => {});
  while (existsSync(placeOf(device))) await sleep(LOOK_MS, undefined, { ref: false });
}
