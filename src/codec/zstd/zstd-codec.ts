import type { Codec } from '../codec.js';
import { ZstdCursor } from './zstd-cursor.js';
import { ZstdEngine } from './zstd-engine.js';
import { ZstdScan } from './zstd-scan.js';

/** zstd of any number of frames (RFC 8878), with windows up to 128 MiB. */
export const zstd: Codec = {
  name: 'zstd',
  hasLargeCursors: true,
  statesPerGroup: 1, // one has 30 to 300 KiB, or 2 MiB
  scanner: (observer, spanSize) => new ZstdScan(new ZstdEngine(), observer, spanSize),
  cursor: () => new ZstdCursor(new ZstdEngine()),
};
