import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DaemonClient } from '#src/daemon/daemon-client.js';
import type { MountOptions } from '#src/daemon/daemon-protocol.js';
import { startDaemon } from '#src/daemon/start-daemon.js';
import { contactDaemon } from '#src/daemon/status/status-client.js';
import { compiled } from '../setup/programs.js';

const LATE = compiled('test/daemon/late-daemon.mjs');
const STUCK = compiled('test/daemon/stuck-daemon.mjs');
const DOUBLE = compiled('test/daemon/double-daemon.mjs');

const owner = process.geteuid!();

let directory = '';
let child: ReturnType<typeof startDaemon>;
let daemon: DaemonClient;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'layerslayer-daemon-'));
  child = startDaemon(DOUBLE);
  daemon = new DaemonClient(child);
});

afterEach(async () => {
  daemon.discard();
  await gone(child.pid!);
  rmSync(directory, { recursive: true, force: true });
});

function options(reference: string, changes: Partial<MountOptions> = {}): MountOptions {
  return {
    reference,
    platform: { os: 'linux', architecture: 'amd64' },
    registry: { insecure: false, username: 'u', password: 'open sesame' },
    cache: { directory, capBytes: 0 },
    memoryBytes: 0,
    indexTrust: 'exact',
    verifyLater: false,
    mountpoint: '/mnt/img',
    transport: 'dev-fuse',
    allowOther: false,
    suid: false,
    devices: false,
    exec: true,
    nonempty: false,
    defaultPermissions: false,
    transformSymlinks: false,
    logFile: join(directory, 'log'),
    logFileAsked: false,
    logLevel: 'info',
    foreground: false,
    resolvedByStarter: false,
    mountpointCheckedMs: 0,
    ...changes,
  };
}

function listener() {
  const heard: string[] = [];
  return {
    heard,
    resolved: (layers: number) => void heard.push(`resolved ${layers}`),
    progress: ({ layer, state }: { layer: number; state: string }) =>
      void heard.push(`layer ${layer} ${state}`),
    notice: (message: string) => void heard.push(`notice ${message}`),
    log: (level: string, message: string) => void heard.push(`${level} ${message}`),
  };
}

const events = () =>
  existsSync(join(directory, 'events')) ? readFileSync(join(directory, 'events'), 'utf8') : '';
const log = () => readFileSync(join(directory, 'log'), 'utf8');

function isRunning(pid: number): boolean {
  try {
    // A zombie has ended: vitest is not its parent and can't reap what has been reparented.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves when the process has ended; the test's own time limit is the deadline. */
async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await sleep(10);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

describe('a daemon', () => {
  it('reports, becomes ready, and lives on alone', async () => {
    const { heard, ...rest } = listener();
    const summary = await daemon.mount(options('works'), rest);
    expect(summary).toEqual({
      image: 'works',
      digest: `sha256:${'ab'.repeat(32)}`,
      platform: 'linux/amd64',
      layers: 2,
      entries: 42,
      mountpoint: '/mnt/img',
      pid: child.pid,
      log: join(directory, 'log'),
      bytesFetched: 2048,
      verified: true,
      layersByTable: 0,
      layersByIndex: 0,
    });
    expect(heard).toEqual([
      'notice rate limited, password ***',
      'resolved 2',
      'layer 1 done',
      'layer 2 done',
    ]);
    await daemon.release();
    expect(isRunning(summary.pid)).toBe(true);
    expect(events()).toBe('mounted works\n');

    const contact = await contactDaemon({ device: `double:${summary.pid}`, owner });
    expect(contact?.status).toEqual({
      mountpoint: '/mnt/img',
      image: 'works',
      digest: `sha256:${'ab'.repeat(32)}`,
      platform: 'linux/amd64',
      pid: summary.pid,
      log: join(directory, 'log'),
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      bytesFetched: 2048,
      bytesServed: 0,
      cacheHits: 3,
      cacheMisses: 1,
      verified: true,
      verification: 'none',
    });
    process.kill(summary.pid, 'SIGTERM');
    await contact?.ended;
    await gone(summary.pid);
    expect(events()).toBe('mounted works\nunmount plainly\nclosed\n');
    expect(await contactDaemon({ device: `double:${summary.pid}`, owner })).toBeUndefined();
  });

  it('has a session, a directory and a thread pool of its own, and nothing of ours open', async () => {
    const { pid } = await daemon.mount(options('works'), listener());
    const proc = `/proc/${pid}`;
    expect(readlinkSync(`${proc}/cwd`)).toBe('/');
    for (const fd of [0, 1, 2]) expect(readlinkSync(`${proc}/fd/${fd}`)).toBe('/dev/null');
    const [, , , , , session] = readFileSync(`${proc}/stat`, 'utf8')
      .replace(/\(.*\)/, 'comm')
      .split(' ');
    expect(Number(session)).toBe(pid);
    const env = readFileSync(`${proc}/environ`, 'utf8');
    expect(env).toContain('UV_THREADPOOL_SIZE=10');
    for (const open of [env, readFileSync(`${proc}/cmdline`, 'utf8')]) expect(open).not.toContain('sesame');
  });

  it('fails with the code and the redacted message of the fault', async () => {
    await expect(daemon.mount(options('missing'), listener())).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'no missing for ***',
    });
    await gone(child.pid!);
    expect(events()).toBe('closed\n');
    expect(log()).not.toContain('sesame');
  });

  it('stops, and leaves nothing, when its starter stops it before it is ready', async () => {
    const mounting = daemon.mount(options('slow'), listener());
    const failed = expect(mounting).rejects.toMatchObject({ code: 'ABORTED' });
    await until(() => existsSync(join(directory, 'log')));
    await daemon.stop();
    await failed;
    expect(events()).toBe('closed\n');
  });

  it('unmounts when its starter dies between ready and the farewell', async () => {
    await daemon.mount(options('works'), listener());
    child.disconnect();
    await gone(child.pid!);
    expect(events()).toBe('mounted works\nunmount plainly\nclosed\n');
  });

  it('ends when its starter goes away before it said anything', async () => {
    child.disconnect();
    await gone(child.pid!);
    await vi.waitFor(() => expect(child.exitCode).toBe(0));
  });

  it('ends when its starter goes away while its modules load', async () => {
    const late = startDaemon(LATE);
    const exited = new Promise((resolve) => late.once('exit', (status) => resolve(status)));
    late.disconnect();
    expect(await exited).toBe(0);
  });

  it('ends when it is unmounted from outside', async () => {
    await daemon.mount(options('unmounted'), listener());
    await daemon.release();
    await gone(child.pid!);
    expect(events()).toBe('mounted unmounted\nclosed\n');
    expect(log()).toMatch(/ info \/mnt\/img was unmounted\n$/);
  });

  it('in the foreground belongs to its starter until the end', async () => {
    await daemon.mount(options('works', { foreground: true }), listener());
    const served = daemon.serve();
    daemon.terminate();
    await served;
    expect(events()).toBe('mounted works\nunmount plainly\nclosed\n');
  });

  it('in the foreground unmounts when its starter dies', async () => {
    await daemon.mount(options('works', { foreground: true }), listener());
    child.disconnect();
    await gone(child.pid!);
    expect(events()).toBe('mounted works\nunmount plainly\nclosed\n');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('unmounts lazily on %s when busy, and ends', async (signal) => {
    const { pid } = await daemon.mount(options('busy'), listener());
    await daemon.release();
    process.kill(pid, signal);
    await gone(pid);
    expect(events()).toBe('mounted busy\nunmount plainly\nunmount lazily\nclosed\n');
    expect(log()).toMatch(/ info ending under processes that still have files of it open\n$/);
    // Readers that never go would keep exit() from returning.
    await vi.waitFor(() => expect(child.signalCode).toBe('SIGKILL'));
  });

  it('ignores SIGHUP', async () => {
    const { pid } = await daemon.mount(options('works'), listener());
    await daemon.release();
    process.kill(pid, 'SIGHUP');
    // An answer after the signal shows that it was survived.
    const contact = await contactDaemon({ device: `double:${pid}`, owner });
    expect(contact?.status?.pid).toBe(pid);
    contact?.close();
  });

  it('logs an uncaught error, unmounts and ends', async () => {
    await daemon.mount(options('crash'), listener());
    await daemon.release();
    await gone(child.pid!);
    expect(events()).toBe('mounted crash\nunmount plainly\nclosed\n');
    expect(log()).toMatch(
      / error uncaught error: nobody catches this\n.* info Error: nobody catches this\n {8}at /,
    );
  });

  it('works without a log, but says so; fails when the user asked for that file', async () => {
    const nowhere = '/dev/null/log';
    const { heard, ...rest } = listener();
    await daemon.mount(options('works', { logFile: nowhere }), rest);
    expect(heard[0]).toMatch(/^warn no log is kept: opening log file \/dev\/null\/log: file exists$/);
    const second = new DaemonClient(startDaemon(DOUBLE));
    await expect(
      second.mount(options('works', { logFile: nowhere, logFileAsked: true }), listener()),
    ).rejects.toMatchObject({ code: 'IO_FAILED' });
  });

  it('that is killed before it is ready is an error of its own', async () => {
    const mounting = daemon.mount(options('slow'), listener());
    const failed = expect(mounting).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringMatching(/ended unexpectedly \(SIGKILL; its log is /),
    });
    child.kill('SIGKILL');
    await failed;
  });

  it('that never starts is killed after a deadline', async () => {
    const stuck = startDaemon(STUCK);
    const client = new DaemonClient(stuck, 300);
    await expect(client.mount(options('works'), listener())).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      message: expect.stringMatching(/the mount's daemon did not start within 0\.3 s/),
    });
    await gone(stuck.pid!);
  });
});
