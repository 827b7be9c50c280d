import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkMountpoint } from '#src/fuse/mounting/mountpoint.js';

/** Delays before the file system at a path answers a call. */
let delayMs: (path: string) => number = () => 0;
/** Calls that such a file system has not answered yet. */
let waiting = 0;
/** Extra lines of /proc/self/mountinfo. */
let mounted: string[] = [];

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const slowly =
    <A extends unknown[], R>(call: (path: string, ...rest: A) => Promise<R>) =>
    async (path: string, ...rest: A): Promise<R> => {
      const ms = delayMs(path);
      if (ms > 0) {
        waiting++;
        await new Promise((resolve) => setTimeout(resolve, ms));
        waiting--;
      }
      return call(path, ...rest);
    };
  return {
    ...real,
    readFile: async (path: string, ...rest: never[]) => {
      const content = await real.readFile(path, ...rest);
      return path === '/proc/self/mountinfo' ? Buffer.from(content + mounted.join('')) : content;
    },
    readlink: slowly(real.readlink as never),
    stat: slowly(real.stat as never),
    opendir: slowly(real.opendir as never),
  };
});

let directory = '';

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'layerslayer-slow-')));
  mkdirSync(join(directory, 'mnt'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
  delayMs = () => 0;
  mounted = [];
});

/** Checks the mountpoint while the clock runs. */
async function check(path: string): Promise<string> {
  const checked = checkMountpoint(path, { nonempty: false }).then(
    (found) => found.path,
    (error: Error) => error.message,
  );
  let isDone = false;
  void checked.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve));
    // Other calls need real time: the clock runs only while a slow file system is queried.
    if (waiting > 0) await vi.advanceTimersByTimeAsync(500);
  }
  return checked;
}

let asked = 0;

function slow(below: string, ms: number): void {
  asked = 0;
  waiting = 0;
  delayMs = (path) => {
    if (path !== below && !path.startsWith(`${below}/`)) return 0;
    asked++;
    return ms;
  };
}

const mountLine = (at: string, type: string) => `9999 1 0:9999 / ${at} rw - ${type} source rw\n`;

test('a local directory that takes a minute to answer is waited for', async () => {
  slow(join(directory, 'mnt'), 60_000);
  expect(await check(join(directory, 'mnt'))).toBe(join(directory, 'mnt'));
  expect(asked).toBeGreaterThan(2);
});

test.each(['nfs4', 'cifs', 'fuse.sshfs', '9p', 'autofs', 'virtiofs'])('one on %s is not', async (type) => {
  mounted = [mountLine(directory, type)];
  slow(join(directory, 'mnt'), 60_000);
  expect(await check(join(directory, 'mnt'))).toBe(
    `mountpoint ${directory}/mnt: its file system does not answer`,
  );
});

test.each(['ext4', 'xfs', 'tmpfs', 'overlay', 'nvmefs'])('%s is local', async (type) => {
  mounted = [mountLine(directory, type)];
  slow(join(directory, 'mnt'), 60_000);
  expect(await check(join(directory, 'mnt'))).toBe(join(directory, 'mnt'));
});

test('nor is a local symlink to a remote directory', async () => {
  mounted = [mountLine(join(directory, 'remote'), 'nfs')];
  mkdirSync(join(directory, 'remote/img'), { recursive: true });
  symlinkSync('../remote/img', join(directory, 'mnt/link'));
  slow(join(directory, 'remote'), 60_000);
  expect(await check(join(directory, 'mnt/link'))).toBe(
    `mountpoint ${directory}/mnt/link: its file system does not answer`,
  );
});

test('a remote directory that answers in time is accepted', async () => {
  mounted = [mountLine(directory, 'nfs4')];
  slow(join(directory, 'mnt'), 2000);
  expect(await check(join(directory, 'mnt'))).toBe(join(directory, 'mnt'));
});
