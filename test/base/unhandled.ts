/**
 * Rejections that nobody handles while `task` runs. The process's own listeners (the test runner's) are put aside
 * meanwhile, so that what is found can be looked at.
 */
export async function unhandledIn(task: () => Promise<void>): Promise<unknown[]> {
  const found: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => found.push(reason));
  try {
    await task();
    // Node tells of them when the microtasks of a turn are done.
    await new Promise(setImmediate);
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of others) process.on('unhandledRejection', listener);
  }
  return found;
}
