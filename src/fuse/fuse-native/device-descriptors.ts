import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const DESCRIPTORS = '/proc/self/fd';
const DEVICE = '/dev/fuse';

/** Milliseconds between checks of a descriptor. A check takes 4 µs (measured). */
const LOOK_MS = 200;

/** Waits for each descriptor. One that was closed and opened again is another device's. */
const turns = new Map<number, number>();

/** Returns this process's descriptors of `/dev/fuse`. */
export function deviceDescriptors(): Set<number> {
  return new Set(readdirSync(DESCRIPTORS).map(Number).filter(isDevice));
}

/**
 * Resolves when libfuse has closed the device that it opened just now in this process. Only polling
 * works: Node cannot call poll(2) on a device. Does not keep the process alive.
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
