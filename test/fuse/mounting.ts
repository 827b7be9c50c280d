import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, logTo } from '#src/base/log.js';
import type { LayerFs } from '#src/fs/layer-fs.js';
import { DevFuseTransport } from '#src/fuse/dev-fuse/dev-fuse-transport.js';
import { readMountTable } from '#src/fuse/mounting/mount-table.js';
import type { MountedFs, Transport, TransportOptions } from '#src/fuse/transport.js';

/*
 * The test's own process serves the mounts, so it never touches them itself. Each check is a child
 * process, whose directory is not in the mount either: spawning would wait for a server that is
 * busy spawning.
 */

export interface RunResult {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** No command of a test takes this long. A process that does is killed, and its result shows it. */
const RUN_DEADLINE_MS = 50_000;

export function run(
  program: string,
  args: readonly string[],
  onSpawn?: (pid: number) => void,
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: RUN_DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
    if (child.pid !== undefined) onSpawn?.(child.pid);
  });
}

/** stdout of a program that must succeed. */
export async function output(program: string, ...args: string[]): Promise<string> {
  const result = await run(program, args);
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.status} ${result.stderr}`);
  return result.stdout.toString();
}

export interface TestMount {
  mountpoint: string;
  mounted: MountedFs;
  log: string[];
}

/** fuse-native has binaries for this machine only; elsewhere it would have to be compiled. */
export const HAS_FUSE_NATIVE = process.arch === 'x64';

const mountpoints = new Set<string>();

export async function newMountpoint(): Promise<string> {
  const mountpoint = await mkdtemp(join(tmpdir(), 'layerslayer-fuse-'));
  mountpoints.add(mountpoint);
  return mountpoint;
}

export function optionsFor(changes: Partial<TransportOptions> = {}): TransportOptions {
  const log: Log = logTo(() => {});
  return {
    source: 'example.com/test:1',
    allowOther: false,
    suid: false,
    devices: false,
    exec: true,
    nonempty: false,
    defaultPermissions: false,
    log,
    ...changes,
  };
}

export async function mountFs(
  fs: LayerFs,
  changes: Partial<TransportOptions> = {},
  transport: Transport = new DevFuseTransport(),
): Promise<TestMount> {
  const mountpoint = await newMountpoint();
  const log: string[] = [];
  const options = optionsFor({
    log: logTo((level, message) => log.push(`${level}: ${message}`)),
    ...changes,
  });
  return { mountpoint, mounted: await transport.mount(fs, mountpoint, options), log };
}

/** Whatever the test did, no mount, waiting process or directory of its own is left there. */
export async function removeMount(mountpoint: string): Promise<void> {
  for (const entry of await readMountTable()) {
    // Forced, so that processes that wait for an answer end. Lazily, because they may still be
    // there.
    if (entry.mountpoint === mountpoint) await run('umount', ['-i', '-f', '-l', mountpoint]);
  }
  await rm(mountpoint, { recursive: true, force: true });
  mountpoints.delete(mountpoint);
}

/** For afterEach or afterAll: removes all of them. */
export async function cleanUp(): Promise<void> {
  for (const mountpoint of mountpoints) await removeMount(mountpoint);
}

/**
 * Waits until a condition holds. If it never does, the test fails by its own time limit, with this
 * line in its stack.
 */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
