// A temporary directory with its processes and mounts, which all end with it.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where scripts/common.sh unpacks docker-registry to when it is not installed. */
const TOOLS = join(ROOT, 'node_modules/.cache/layerslayer-tools/usr/bin');

/**
 * Each process of this run inherits it, daemons too. So they are found, and no others are ended.
 */
const MARK_NAME = 'LAYERSLAYER_BENCH_RUN';

/** A daemon ends within 2 s after its mount is gone; what still runs after this is killed. */
const END_MS = 5_000;
const POLL_MS = 20;
/** Of a failed command's stderr, in the message. */
const SHOWN_STDERR = 2_000; // characters

export class Workplace {
  directory = mkdtempSync(join(tmpdir(), 'layerslayer-bench-'));
  #mark = `${process.pid}.${Date.now()}`;
  #children = new Set();
  #places = 0;
  #cleaned;
  env = {
    PATH: `${process.env.PATH}${delimiter}${TOOLS}`,
    HOME: this.folder('home'),
    TMPDIR: this.folder('tmp'),
    XDG_STATE_HOME: this.folder('state'),
    LC_ALL: 'C.UTF-8',
    [MARK_NAME]: this.#mark,
  };

  /** A folder of this name, made when it is not there. */
  folder(name) {
    const path = join(this.directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Returns an unused folder. */
  newFolder(name) {
    return this.folder(`${name}-${++this.#places}`);
  }

  /** Starts a program; `cleanUp` ends it. */
  start(argv, { stdio = ['ignore', 'pipe', 'pipe'], env = {} } = {}) {
    if (this.#cleaned) throw new Error('interrupted');
    const child = spawn(argv[0], argv.slice(1), { stdio, env: { ...this.env, ...env } });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  /** Runs a program to its end. @returns its stdout @throws when it fails */
  async run(argv, options = {}) {
    const child = this.start(argv, options);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    await ended(child, argv, () => stderr);
    return stdout;
  }

  /** What a bash script prints; its arguments are $1, $2 … */
  bash(script, args = []) {
    return this.run(['bash', '-c', `set -euo pipefail; ${script}`, 'bash', ...args]);
  }

  /** Seconds that a bash script takes, from quiet disks. */
  async timed(script, args = []) {
    await this.run(['sync']);
    const began = performance.now();
    await this.bash(script, args);
    return (performance.now() - began) / 1000;
  }

  /** Deletes a folder that a run is done with; half a gigabyte each adds up. */
  async remove(path) {
    await this.run(['rm', '-rf', '--one-file-system', path]);
  }

  /** Pages, dentries and inodes of the whole machine; then the programs named are read back in. */
  async dropCaches(...warm) {
    await this.bash('sync; echo 3 > /proc/sys/vm/drop_caches');
    for (const argv of warm) await this.run(argv);
  }

  /**
   * Ends all processes and mounts of this directory and deletes it. Runs once; later callers wait
   * for it.
   */
  cleanUp() {
    this.#cleaned ??= this.#cleanUp();
    return this.#cleaned;
  }

  async #cleanUp() {
    for (const child of this.#children) child.kill('SIGTERM');
    // Unmounted first: daemons then end by themselves.
    for (const path of this.mounts().reverse()) await plainly('umount', '-l', path);
    const deadline = Date.now() + END_MS;
    while (this.#processes().length > 0 && Date.now() < deadline) await sleep(POLL_MS);
    for (const pid of this.#processes()) killIfThere(pid);
    while (this.mounts().length > 0 && Date.now() < deadline + END_MS) {
      for (const path of this.mounts().reverse()) await plainly('umount', '-l', path);
    }
    await plainly('rm', '-rf', '--one-file-system', this.directory);
  }

  /** Mountpoints below the directory. */
  mounts() {
    return readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .map((path) =>
        path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
      )
      .filter((path) => path.startsWith(`${this.directory}/`));
  }

  #processes() {
    const wanted = `${MARK_NAME}=${this.#mark}`;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => textOf(`/proc/${pid}/environ`).split('\0').includes(wanted));
  }
}

function ended(child, argv, stderr) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      if (status === 0) return resolve();
      const how = signal ?? `status ${status}`;
      reject(new Error(`${argv.join(' ')} ended with ${how}: ${stderr().slice(-SHOWN_STDERR)}`));
    });
  });
}

/** For the end: outside the environment that is being ended, and without complaint. */
function plainly(program, ...args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore' });
    child.once('error', resolve);
    child.once('close', resolve);
  });
}

function killIfThere(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in between.
  }
}

/** Empty when the process ended between two looks. */
function textOf(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
