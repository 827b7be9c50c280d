import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attempt, type Ended, run } from '../support/child.js';
import { LayoutBuilder, named, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

/** The command in unusual environments: limits, descriptors, directories, a broken Node. */
const LAYER = gzipSync(tarOf(dir('etc/'), file('etc/a', 'content')));

let registry: TestRegistry;
let reference = '';
let place: Workplace;
let local = '';

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'test/app:v1', { layers: [LAYER] });
  reference = `${registry.host}/test/app:v1`;
});
afterAll(() => registry?.stop());
beforeEach(() => {
  place = new Workplace();
  const layout = new LayoutBuilder();
  writeDirectory(join(place.scratch, 'layout'), layout.top([named(layout.image([LAYER]), 'v1')]));
  local = `oci:${join(place.scratch, 'layout')}:v1`;
});
afterEach(() => place.cleanUp());

/** Runs the command in a shell, with `before` ahead of it and `after` behind its arguments. */
function inShell(
  before: string,
  args: readonly string[],
  after = '',
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const script = `${before}; exec "$@" ${after}`;
  return attempt('bash', ['-c', script, 'bash', ...place.program, ...args], {
    env: { ...place.env, ...env },
  });
}

const contentOf = (mountpoint: string) => attempt('cat', [join(mountpoint, 'etc/a')]);

/** One line without a source location. */
function expectOneLine({ stderr }: Ended, pattern: RegExp): void {
  expect(stderr).toMatch(/^layerslayer: .*\n$/);
  expect(stderr).toMatch(pattern);
  expect(stderr).not.toMatch(/\.js:\d|\bat /);
}

describe('under a limited address space', () => {
  it.each([16_000_000, 4_000_000])('mounts and reads, at %i KiB', async (kib) => {
    const mountpoint = place.directory('mnt');
    const ended = await inShell(`ulimit -v ${kib}`, ['mount', reference, mountpoint]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(await contentOf(mountpoint)).toMatchObject({ status: 0, stdout: 'content' });
  });

  it('passes on status, output and descriptors of the child process', async () => {
    const log = join(place.scratch, 'log');
    const args = ['carve', '-o', '-', '--log-file', '/dev/fd/3', reference, 'etc/a', 'etc/b'];
    const ended = await inShell('ulimit -v 4000000', args.toSpliced(-1), `3>${log}`);
    expect(ended).toMatchObject({ status: 0, stdout: 'content' });
    expect(readFileSync(log, 'utf8')).toContain('FOUND etc/a');
    expect(await inShell('ulimit -v 4000000', ['carve', '-o', '-', reference, 'etc/b'])).toMatchObject({
      status: 10,
    });
  });

  it('leaves no mount when the parent process is killed', async () => {
    const mountpoint = place.directory('mnt');
    let pid = 0;
    const ended = attempt(
      'bash',
      ['-c', 'ulimit -v 4000000; exec "$@"', 'bash', ...place.program, 'mount', '-f', local, mountpoint],
      {
        env: place.env,
        started: (its) => {
          pid = its;
        },
        heard: () => process.kill(pid, 'SIGKILL'), // it is mounted
      },
    );
    expect(await ended).toMatchObject({ signal: 'SIGKILL' });
    expect(await place.leftovers()).toEqual([]);
  });

  it.each([
    ['mount', 20],
    ['carve', 17],
  ])('is rejected in one line when too small: %s', async (command, status) => {
    const ended = await inShell('ulimit -v 1400000', [command, local, place.directory('mnt')]);
    expect(ended.status).toBe(status);
    expectOneLine(ended, /the address space is limited to 1400000 KiB \(ulimit -v\)/);
    expect(place.mounts()).toEqual([]);
  });
});

describe('with few descriptors', () => {
  it.each([20, 26, 30, 34, 64])('mounts a readable tree or reports why not: %i', async (files) => {
    const warm = await place.mount(reference, 'warm'); // later mounts need no thread before the first read
    await place.unmount(warm);
    const mountpoint = place.directory('mnt');
    const ended = await inShell(`ulimit -n ${files}`, ['mount', reference, mountpoint]);
    if (ended.status === 0) expect(await contentOf(mountpoint)).toMatchObject({ stdout: 'content' });
    else expectOneLine(ended, /ulimit -n/);
    expect([0, 17, 20]).toContain(ended.status);
    if (files === 64) expect(ended.status).toBe(0);
    if (files === 20) expect(ended.status).toBe(17);
  });

  it('mounts although its caller has an open descriptor above the limit', async () => {
    const mountpoint = place.directory('mnt');
    const ended = await inShell('exec 200</dev/null; ulimit -n 64', ['mount', reference, mountpoint]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
  });

  it('mounts without stdin, stdout and stderr', async () => {
    const mountpoint = place.directory('mnt');
    expect(await inShell(':', ['mount', local, mountpoint], '<&- >&- 2>&-')).toMatchObject({ status: 0 });
    expect(await contentOf(mountpoint)).toMatchObject({ stdout: 'content' });
  });
});

describe('in a working directory that was removed', () => {
  const removed = () => `mkdir ${place.scratch}/cwd; cd ${place.scratch}/cwd; rmdir ${place.scratch}/cwd`;

  it('works with absolute paths', async () => {
    const mountpoint = place.directory('mnt');
    expect(await inShell(removed(), ['inspect', local])).toMatchObject({ status: 0, stderr: '' });
    expect(await inShell(removed(), ['mount', local, mountpoint])).toMatchObject({ status: 0, stderr: '' });
    expect(await contentOf(mountpoint)).toMatchObject({ stdout: 'content' });
  });

  it.each([
    ['mount', 20, (image: string) => ['mount', image, 'mnt'], /mountpoint mnt: no such directory/],
    ['carve', 17, (image: string) => ['carve', image, 'etc/a'], /writing carved: no such file or directory/],
    ['an image', 10, () => ['inspect', 'oci:layout:v1'], /^layerslayer: layout is no OCI layout/],
  ])('names a relative path as given: %s', async (_, status, args, pattern) => {
    const ended = await inShell(removed(), args(local));
    expect(ended.status).toBe(status);
    expectOneLine(ended, pattern);
    expectOneLine(ended, /\(the working directory was removed: use absolute paths\)\n$/);
  });

  it('has nothing above it', async () => {
    const ended = await inShell(removed(), ['inspect', '--token-file', '../environ', '127.0.0.1:9/a/b']);
    expectOneLine(ended, /reading --token-file \.\.\/environ: no such file or directory/);
  });
});

describe('without /proc', () => {
  const hidden = (args: readonly string[]) =>
    attempt(
      'unshare',
      ['-m', 'sh', '-c', 'mount -t tmpfs none /proc; exec "$@"', 'sh', ...place.program, ...args],
      {
        env: place.env,
      },
    );

  it.each([['mount'], ['unmount'], ['mounts']])('ends in one line: %s', async (command) => {
    const operands = {
      mount: [local, place.directory('mnt')],
      unmount: [place.directory('mnt')],
      mounts: [],
    };
    const ended = await hidden([command, ...operands[command as 'mount']]);
    expect(ended.status).toBe(17);
    expectOneLine(ended, /\/proc is not mounted/);
  });

  it('carves anyway', async () => {
    expect(await hidden(['carve', '-o', '-', reference, 'etc/a'])).toMatchObject({
      status: 0,
      stdout: 'content',
    });
  });
});

describe('when output cannot be written', () => {
  it('a mount leaves nothing', async () => {
    const ended = await inShell(':', ['mount', local, place.directory('mnt')], '>/dev/full');
    expect(ended).toMatchObject({
      status: 17,
      stderr: 'layerslayer: writing to stdout: no space left on device\n',
    });
    expect(await place.leftovers()).toEqual([]);
  });

  it.each([['--version'], ['--help'], ['mount --help']])('%s fails too', async (words) => {
    expect(await inShell(':', words.split(' '), '>/dev/full')).toMatchObject({ status: 17 });
  });
});

describe('a fault in the program', () => {
  /** Breaks the program before it starts, including its threads. */
  const broken = (code: string) => ({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
  });
  const AT_ONCE = broken(`process.getuid = () => { throw new TypeError('broken \\x9b here'); };`);
  /** Throws outside any promise or handler, once the program runs. */
  const LATER = broken(`
    import { isMainThread } from 'node:worker_threads';
    const isRunning = () => process.listenerCount('SIGTERM') > 0;
    if (isMainThread) setInterval(() => { if (isRunning()) throw new TypeError('broken later'); }, 1);
  `);
  /** Drops requests to the thread; nothing else keeps the process alive. */
  const UNANSWERED = broken(`
    import { isMainThread, Worker } from 'node:worker_threads';
    if (isMainThread) Worker.prototype.postMessage = function () { this.unref(); };
  `);
  /** Threads are started without what is preloaded: this starts them with it. */
  const IN_THREAD = broken(`
    import threads from 'node:worker_threads';
    const { NODE_OPTIONS } = process.env;
    if (!threads.isMainThread) setTimeout(() => { throw new TypeError('broken thread'); }, 0);
    else threads.Worker = class extends threads.Worker {
      constructor(file, options) {
        super(file, { ...options, env: { ...process.env, NODE_OPTIONS } });
      }
    };
  `);

  it.each([
    ['at once', AT_ONCE, /broken \\xc2\\x9b here/],
    ['later', LATER, /broken later/],
    ['in a thread', IN_THREAD, /broken thread/],
    ['by waiting for nothing', UNANSWERED, /the command stopped before it finished/],
  ])('ends the command with one line and 70: %s', async (_, env, pattern) => {
    const ended = await inShell(':', ['peek', reference], '', env);
    expect(ended.status).toBe(70);
    expect(ended.stderr).toMatch(pattern);
    expect(ended.stderr).not.toMatch(/\.js:\d|\bat /);
  });

  it('has a stack with --verbose, and is an object with --json', async () => {
    const verbose = await inShell(':', ['inspect', '--verbose', local], '', AT_ONCE);
    expect(verbose.stderr).toMatch(/^layerslayer: broken .*\nTypeError: broken .*\n {4}at /);
    const json = await inShell(':', ['inspect', '--json', local], '', AT_ONCE);
    expect(json.stderr).toBe('{"error":{"code":"INTERNAL","message":"broken \\u009b here"}}\n');
  });
});

it('unshares mounts on this machine, which the tests without /proc need', () =>
  run('unshare', ['-m', 'true']));
