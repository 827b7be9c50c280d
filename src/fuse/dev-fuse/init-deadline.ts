import { cpuFairTimer } from '../../base/cpu-fair-timer.js';
import { LayerslayerError } from '../../base/errors.js';

/** Milliseconds between mount(2) and the kernel's INIT; it is sent at once, so this only meets a broken kernel. */
const INIT_DEADLINE_MS = 10_000;

/** Waits until the kernel has begun to speak. @throws LayerslayerError MOUNT_FAILED at the deadline, and as `ready` */
export async function withinInitDeadline(ready: Promise<void>): Promise<void> {
  let cancel = () => {};
  const deadline = new Promise<never>((_, reject) => {
    const message = `the kernel sent no INIT within ${INIT_DEADLINE_MS / 1000} s`;
    cancel = cpuFairTimer(INIT_DEADLINE_MS, () => reject(new LayerslayerError('MOUNT_FAILED', message)));
  });
  try {
    await Promise.race([ready, deadline]);
  } finally {
    cancel();
  }
}
