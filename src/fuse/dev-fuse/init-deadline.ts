import { cpuFairTimer } from '../../base/cpu-fair-timer.js';
import { LayerslayerError } from '../../base/errors.js';

/** Milliseconds from mount(2) to INIT. Only a broken kernel is late. */
const INIT_DEADLINE_MS = 10_000;

/**
 * Waits until the kernel has sent INIT. @throws LayerslayerError MOUNT_FAILED at the deadline; the
 * error of `ready`
 */
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
