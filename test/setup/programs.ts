/** Files that tests start as processes or threads. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Returns the file in JavaScript of a module of `src` or of a test's child process
 * (see compile-sources.ts).
 *
 * @param path from the repository's root: `src/base/log.ts`, `test/cache/children/hold-lock.mjs`
 */
export function compiled(path: string): string {
  return join(process.env.LAYERSLAYER_TEST_COMPILED ?? '', path.replace(/\.(ts|mjs)$/, '.js'));
}

/**
 * Returns the built command, `dist/bin/layerslayer.js`.
 *
 * @throws if `dist` is missing or older than `src`
 */
export function builtProgram(): string {
  const state = process.env.LAYERSLAYER_TEST_BUILD;
  if (state !== 'current') throw new Error(`dist is ${state}: run npm run build`);
  return join(ROOT, 'dist/bin/layerslayer.js');
}
