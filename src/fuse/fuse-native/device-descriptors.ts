import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const DESCRIPTORS = '/proc/self/fd';
const DEVICE = '/dev/fuse';

/** Milliseconds between looks at a descriptor; a look takes 4 µs (measured). */
const LOOK_MS = 200;

/** How often each number was waited for: closed and opened again between two looks, it is another device's. */
const turns = new Map<number, number>();

/** This process's descriptors of `/dev/fuse`. */
export function deviceDescriptors(): Set<number> {
  return new Set(readdirSync(DESCRIPTORS).map(Number).filter(isDevice));
}

/**
 * Resolves when whoever opened the device in this process, just now, has closed it. Asking is all that can be done: poll(2), which
 * would tell, is out of Node's reach for a device. Does not keep the process alive.
 */
export async function deviceClosed(descriptor: number): Promise<void> {
  const turn = (turns.get(descriptor) ?? 0) + 1;
  turns.set(descriptor, turn);
  while (turns.get(descriptor) === turn && isDevice(descriptor)) {
    await sleep(LOOK_MS, undefined, { ref: false });
  }
}

function isDevice(descriptor: number): boolean {
  try {
    return readlinkSync(`${DESCRIPTORS}/${descriptor}`) === DEVICE;
  } catch {
    return false; // closed; also the one by which the directory was read
  }
}
