/**
 * Returns the unhandled rejections of `task`. The process's own listeners (the test runner's) are
 * removed meanwhile, so that the caller can check them.
 */
export async function unhandledIn(task: () => Promise<void>): Promise<unknown[]> {
  const found: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => found.push(reason));
  try {
    await task();
    // Node reports them when the microtasks of a turn are done.
    await new Promise(setImmediate);
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of others) process.on('unhandledRejection', listener);
  }
  return found;
}
