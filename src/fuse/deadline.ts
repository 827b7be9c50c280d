import { LayerslayerError } from '../base/errors.js';
import { cpuFairTimer } from '../base/tasks/cpu-fair-timer.js';

/** Milliseconds from mount(2) to INIT. Only a broken kernel is late. */
const INIT_DEADLINE_MS = 10_000;

/**
 * Waits for `answer`, at most `ms` without the time that this process waits for a CPU.
 * @throws the error of `answer`; MOUNT_FAILED with the message `late` at the deadline
 */
export async function withinDeadline<T>(answer: Promise<T>, ms: number, late: string): Promise<T> {
  let cancel = () => {};
  const deadline = new Promise<never>((_, reject) => {
    cancel = cpuFairTimer(ms, () => reject(new LayerslayerError('MOUNT_FAILED', late)));
  });
  return Promise.race([answer, deadline]).finally(cancel);
}

/** Waits until the kernel has sent INIT. @throws as `withinDeadline` */
export function withinInitDeadline(ready: Promise<void>): Promise<void> {
  const late = `the kernel sent no INIT within ${INIT_DEADLINE_MS / 1000} s`;
  return withinDeadline(ready, INIT_DEADLINE_MS, late);
}
