import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const DESCRIPTORS = '/proc/self/fd';
const DEVICE = '/dev/fuse';

/** Milliseconds between checks. A check of a descriptor takes 4 µs (measured). */
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

/**
 * Resolves when a mount is unmounted and its files are no longer in use, so no process waits for an
 * answer. Never resolves where the kernel does not show its devices (no /sys). Does not keep the
 * process alive.
 * @param device number (`0:39`), which /sys shows while the mount or a file of it is in use
 */
export async function mountGone(device: string | undefined): Promise<void> {
  const path = `/sys/class/bdi/${device}`;
  if (!existsSync(path)) return new Promise(() => {});
  while (existsSync(path)) await sleep(LOOK_MS, undefined, { ref: false });
}

function isDevice(descriptor: number): boolean {
  try {
    return readlinkSync(`${DESCRIPTORS}/${descriptor}`) === DEVICE;
  } catch {
    return false; // closed; also the one by which the directory was read
  }
}
