import { savesAddressSpace } from './process-limits.js';

/**
 * Limits of each thread's V8 heap. Threads work on buffers outside of it. With V8's default young
 * generation of up to 48 MB, a busy daemon is 10 MiB larger (measured). V8 reserves 512 MB of
 * addresses per thread for machine code.
 */
export const WORKER_LIMITS = {
  maxYoungGenerationSizeMb: 4,
  ...(savesAddressSpace() && { codeRangeSizeMb: 32 }),
};
