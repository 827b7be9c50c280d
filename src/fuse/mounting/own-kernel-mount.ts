import type { KernelMount } from './kernel-mount.js';
import { rootMount } from './root-mount.js';

/** The way that is open to this process. What only ordinary users need is loaded for them only. */
export async function ownKernelMount(): Promise<KernelMount> {
  return process.geteuid?.() === 0 ? rootMount : (await import('./user-mount.js')).userMount;
}
