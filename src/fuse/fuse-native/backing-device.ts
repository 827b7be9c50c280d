import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.js';
import { MAX_READ_SIZE } from '../dev-fuse/negotiation.js';

/** Milliseconds between checks. */
const LOOK_MS = 200;

/** A mount's object by device number (`0:39`), while the mount or a file of it is in use. */
const placeOf = (device: string) => `/sys/class/bdi/${device}`;

/**
 * Raises the kernel's read-ahead. It reads 128 KiB ahead on each new FUSE mount, whatever INIT
 * negotiated, unless root sets more here. With 1 MiB a sequential read costs an eighth of the
 * requests. Without permission (container, /sys read-only), it changes nothing.
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
 * Resolves when a mount is unmounted and its files are no longer in use, so no process waits for an
 * answer. Never resolves where the kernel does not show its devices (no /sys). Does not keep the
 * process alive.
 */
export async function deviceGone(device: string | undefined): Promise<void> {
  if (device === undefined || !existsSync(placeOf(device))) return new Promise(() => {});
  while (existsSync(placeOf(device))) await sleep(LOOK_MS, undefined, { ref: false });
}
