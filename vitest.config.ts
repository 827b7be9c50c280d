import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';
import { programTests } from './test/setup/program-tests.js';

// Each mount that a test's process serves keeps two threads of libuv's pool; with the default of four, two mounts would stop
// every other call of the file system. The forks inherit this.
process.env.UV_THREADPOOL_SIZE = '16';

const ROOT = fileURLToPath(new URL('.', import.meta.url));

/** A thread is started from a file that Node can read: from the compiled copy (test/setup/compile-sources.ts). */
const compiledThreads: Plugin = {
  name: 'compiled-threads',
  enforce: 'pre',
  transform(code, id) {
    const path = relative(ROOT, id);
    if (!path.startsWith('src/')) return;
    const base = `\`file://\${process.env.LAYERSLAYER_TEST_COMPILED}/${dirname(path)}/\``;
    const replaced = code.replace(
      /(new URL\('\.\/[\w/-]+\.js', )import\.meta\.url\)/g,
      (_, call: string) => `${call}${base})`,
    );
    return replaced === code ? undefined : { code: replaced, map: null };
  },
};

export default defineConfig({
  plugins: [compiledThreads],
  resolve: { alias: [{ find: /^#src\/(.*)\.js$/, replacement: `${ROOT}src/$1.ts` }] },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: process.env.LAYERSLAYER_TESTS === 'unit' ? programTests(ROOT) : [],
    globalSetup: 'test/setup/global-setup.ts',
    setupFiles: process.env.LAYERSLAYER_SEED === undefined ? [] : ['test/setup/repeat-seed.ts'],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // Two cores, and each file may start a registry, workers and mounts of its own.
    maxWorkers: 2,
    pool: 'forks',
  },
});
