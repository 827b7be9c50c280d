import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { SocketDirectory } from '#src/base/socket-directory.js';
import { DirectoryAhead } from '#src/daemon/status/directory-ahead.js';
import { cleanUp, scratchDirectory } from '../../cache/scratch.js';

afterEach(cleanUp);

/** Opens a directory, and counts how often. */
function counted() {
  const path = scratchDirectory();
  const opened: Promise<SocketDirectory>[] = [];
  const open = () => {
    opened.push(SocketDirectory.open(path));
    return opened.at(-1)!;
  };
  return { opened, open };
}

test('is opened at once, and given to the first caller only', async () => {
  const { opened, open } = counted();
  const ahead = new DirectoryAhead(open);
  expect(opened.length).toBe(1);
  const [first, second] = [await ahead.open(), await ahead.open()];
  expect(first).toBe(await opened[0]);
  expect(second).not.toBe(first);
  ahead.discard(); // it was taken: the caller's
  expect(await first.identity('nothing')).toBe(undefined);
  await Promise.all([first.close(), second.close()]);
});

test('is closed when it was not taken', async () => {
  const { opened, open } = counted();
  new DirectoryAhead(open).discard();
  const directory = await opened[0]!;
  await expect(directory.listen('x', createServer())).rejects.toThrow();
});

test('a failure is reported by the first use, and discarding hides it', async () => {
  const failing = () => Promise.reject(new Error('no such directory'));
  await expect(new DirectoryAhead(failing).open()).rejects.toThrow('no such directory');
  new DirectoryAhead(failing).discard();
});
