import { savesAddressSpace } from './process-limits.js';

/**
 * Of each thread's V8 heap. What they work on lies in buffers outside of it: with a young generation of up to 48 MB each, as
 * is the default, a busy daemon is 10 MiB larger (measured). V8 reserves 512 MB of addresses per thread for machine code.
 */
export const WORKER_LIMITS = {
  maxYoungGenerationSizeMb: 4,
  ...(savesAddressSpace() && { codeRangeSizeMb: 32 }),
};
