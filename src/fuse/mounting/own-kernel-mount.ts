import type { KernelMount } from './kernel-mount.js';
import { rootMount } from './root-mount.js';

/** Returns this process's way to mount. Code for ordinary users is loaded for them only. */
export async function ownKernelMount(): Promise<KernelMount> {
  return process.geteuid?.() === 0 ? rootMount : (await import('./user-mount.js')).userMount;
}
