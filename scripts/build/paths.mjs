import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Returns a path below dist. */
export const built = (path) => join(ROOT, 'dist', path);
