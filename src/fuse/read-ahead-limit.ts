import { writeFile } from 'node:fs/promises';
import type { Log } from '../base/log.js';
import { MAX_READ_SIZE } from './negotiation.js';

/**
 * The kernel reads 128 KiB ahead on every new FUSE mount, whatever was agreed at INIT, unless root says more here. With
 * 1 MiB a sequential read costs an eighth of the requests. Without the right to do so (container, /sys read-only) it
 * works as before.
 */
export async function raiseReadAhead(device: string | undefined, log: Log): Promise<void> {
  if (device === undefined) return;
  try {
    await writeFile(`/sys/class/bdi/${device}/read_ahead_kb`, String(MAX_READ_SIZE / 1024));
  } catch (error) {
    log.debug(`read-ahead stays at the kernel's default: ${(error as Error).message}`);
  }
}
