/**
 * Runs the built command as a user would: in its own environment, whose mounts, processes and files
 * can be listed and are removed afterwards. A test's thread never touches a mountpoint itself:
 * children do (see child.ts).
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtProgram } from '../setup/programs.js';
import { attempt, type ChildOptions, type Ended, run } from './child.js';

/** The built command, run as this process's user. */
export const builtCommand = (): string[] => [process.execPath, builtProgram()];

/** Ms between checks of a condition. Deadlines decide tests, not this. */
const POLL_MS = 50;

/** Fields of a `mounts --json` row that tests use. */
export interface ListedMount {
  mountpoint: string;
  image: string;
  digest: string;
  pid: number;
  log: string;
  since: string;
  bytesFetched: number;
  bytesServed: number;
  verified: boolean;
  verification: string;
}

export class Workplace {
  readonly scratch = mkdtempSync(join(tmpdir(), 'layerslayer-e2e-'));
  readonly cache = join(this.scratch, 'cache');
  /** Where the command's temporary files go. */
  readonly temporary = join(this.scratch, 'tmp');
  readonly env: NodeJS.ProcessEnv;
  readonly #directories = new Set<string>();

  /** @param program what to run; default: the built command */
  constructor(readonly program: readonly string[] = builtCommand()) {
    const home = join(this.scratch, 'home');
    for (const directory of [home, this.temporary]) mkdirSync(directory);
    this.env = {
      PATH: process.env.PATH,
      HOME: home,
      TMPDIR: this.temporary,
      LAYERSLAYER_CACHE_DIR: this.cache,
      XDG_STATE_HOME: join(this.scratch, 'state'),
      LC_ALL: 'C.UTF-8',
      ...(process.env.LAYERSLAYER_TEST_RUN && { LAYERSLAYER_TEST_RUN: process.env.LAYERSLAYER_TEST_RUN }),
    };
  }

  /** Runs the command to its end. */
  layerslayer(args: readonly string[], options: ChildOptions = {}): Promise<Ended> {
    const [command = '', ...first] = this.program;
    return attempt(command, [...first, ...args], { ...options, env: { ...this.env, ...options.env } });
  }

  /** A directory to mount on, made when it is first named: later a dead mount may stand there. */
  directory(name: string): string {
    const path = join(this.scratch, name);
    if (!this.#directories.has(path)) mkdirSync(path);
    this.#directories.add(path);
    return path;
  }

  /** Mounts, which must succeed. @returns the mountpoint */
  async mount(reference: string, name = 'mnt', args: readonly string[] = []): Promise<string> {
    const mountpoint = this.directory(name);
    const ended = await this.layerslayer(['mount', reference, mountpoint, ...args]);
    if (ended.status === 0) return mountpoint;
    throw new Error(`mount ended with ${ended.status ?? ended.signal}: ${ended.stdout}${ended.stderr}`);
  }

  /** Unmounts by the command, which must succeed, and waits for the daemons to end. */
  async unmount(mountpoint: string): Promise<void> {
    const ended = await this.layerslayer(['unmount', mountpoint]);
    if (ended.status !== 0) throw new Error(`unmount ended with ${ended.status}: ${ended.stderr}`);
  }

  /** `mounts --json` for mounts below the scratch directory only: the machine may have others. */
  async listed(): Promise<ListedMount[]> {
    const { stdout } = await this.layerslayer(['mounts', '--json']);
    return (JSON.parse(stdout) as ListedMount[]).filter(({ mountpoint }) =>
      mountpoint.startsWith(`${this.scratch}/`),
    );
  }

  /** The status of the one mount, when `--verify-later` has come to an end. */
  async compared(): Promise<ListedMount> {
    for (;;) {
      const [mount] = await this.listed();
      if (mount && mount.verification !== 'running') return mount;
      await sleep(POLL_MS);
    }
  }

  /** Mountpoints below the scratch directory. */
  mounts(): string[] {
    return mountpoints(/./).filter((path) => path.startsWith(`${this.scratch}/`));
  }

  /** Process ids of what runs in this environment: daemons. */
  processes(): number[] {
    // mount(8) gives those that it starts another HOME.
    return processesWith([`HOME=${this.env.HOME}`, `TMPDIR=${this.temporary}`]);
  }

  /** Waits until no process of this environment runs. @throws when some still do at the deadline */
  async allEnded(deadlineMs = 5_000): Promise<void> {
    await until(
      () => this.processes().length === 0,
      deadlineMs,
      () => `still running: ${this.processes()}`,
    );
  }

  /** What an attempt that failed must not leave: `[]` when it left nothing. */
  async leftovers(): Promise<string[]> {
    const temporary = readdirSync(this.temporary);
    const halves = (
      await run(
        'find',
        [this.cache, this.scratch, '-path', this.temporary, '-prune', '-o', '-name', '*.tmp*', '-print'],
        {},
      ).catch(() => ({ stdout: '' }))
    ).stdout
      .split('\n')
      .filter(Boolean);
    await this.allEnded().catch(() => {});
    return [
      ...this.mounts().map((path) => `mount ${path}`),
      ...this.processes().map((pid) => `process ${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'latin1')}`),
      ...temporary.map((name) => `temporary file ${name}`),
      ...halves.map((path) => `half-written ${path}`),
    ];
  }

  /** Ends and deletes everything, whatever state it is in. */
  async cleanUp(): Promise<void> {
    for (const path of this.mounts().reverse()) await attempt('umount', ['-l', path]);
    await this.allEnded().catch(() => {});
    for (const pid of this.processes()) process.kill(pid, 'SIGKILL');
    await this.allEnded();
    // A killed process shows no environment while its last threads finish a system call, so a
    // folder may be created again.
    for (let rounds = 0; rounds < 2 || existsSync(this.scratch); rounds++) {
      if (rounds > 10) throw new Error(`${this.scratch} does not go`);
      await run('rm', ['-rf', '--one-file-system', this.scratch]);
      await sleep(POLL_MS);
    }
  }
}

/** A `sleep` that works in `path`, which keeps its mount busy until it is told to leave. */
export async function useDirectory(path: string): Promise<{ leave(): Promise<void> }> {
  let pid = 0;
  const started = (its: number) => {
    pid = its;
  };
  const ended = attempt('sleep', ['60'], { cwd: path, started });
  // Only now has the child changed its directory and become `sleep`.
  await until(
    () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n',
    5_000,
    () => `no process works in ${path}`,
  );
  const leave = async () => {
    process.kill(pid, 'SIGKILL');
    await ended;
  };
  return { leave };
}

/** Mountpoints whose file system type matches. */
export function mountpoints(type: RegExp): string[] {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n').filter(Boolean);
  return lines
    .map((line) => line.split(' ') as [string, string, string])
    .filter(([, , fsType]) => type.test(fsType))
    .map(([, path]) =>
      path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
}

/** Waits for a condition. */
export async function until(condition: () => boolean, deadlineMs: number, told: () => string): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms: ${told()}`);
    await sleep(POLL_MS);
  }
}

/** Those whose environment has one of the settings. */
function processesWith(settings: readonly string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        return settings.some((setting) => environment.includes(setting));
      } catch {
        return false; // ended between the two looks
      }
    });
}
