import type { Codec } from '../codec.js';
import { packCheckpoint } from './gzip-checkpoint.js';
import { GzipCursor } from './gzip-cursor.js';
import { GzipScan } from './gzip-scan.js';
import { InflateEngine } from './inflate-engine.js';

/** gzip of any number of members (RFC 1952). */
export const gzip: Codec = {
  name: 'gzip',
  scanner: (observer, spanSize) => new GzipScan(new InflateEngine(), observer, spanSize),
  cursor: () => new GzipCursor(new InflateEngine()),
  checkpointWithWindow: (position) => packCheckpoint({ ...position, isDense: true, memberStart: false }),
};
