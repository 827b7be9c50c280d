import { defineConfig } from 'vitest/config';

// Each mount that a test's process serves keeps two threads of libuv's pool; with the default of four, two mounts would stop
// every other call of the file system. The forks inherit this.
process.env.UV_THREADPOOL_SIZE = '16';

// Tests run against the built `dist`: worker threads are started from files, and under vitest those files are not
// found in `src` (see src/README.md, "Tests").
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // Two cores, and each file may start a registry, workers and mounts of its own.
    maxWorkers: 2,
    pool: 'forks',
  },
});
