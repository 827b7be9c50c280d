import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { cpuFairTimer } from '../../base/tasks/cpu-fair-timer.js';
import { bytesOfText, isRaw } from '../../base/text/raw-text.js';

/** Maximum bytes of a tool's output. */
const OUTPUT_MAX = 4096;

/** Milliseconds. Mounting and unmounting takes a few. The rest is for a machine that swaps. */
const MOUNT_DEADLINE_MS = 10_000;

/** Milliseconds after which a tool is killed even if it waits for a CPU. */
const RUNNING_MAX_MS = 60_000;

interface ToolOptions {
  deadlineMs: number; // excludes time that this process or the tool waits for a CPU
  inherited?: readonly number[]; // descriptors that become its fd 3, 4 …
  env?: Readonly<Record<string, string>>; // added to ours
}

interface ToolResult {
  /** undefined: killed at the deadline, or still dying */
  status: number | undefined;
  /** Its stderr, trimmed, in the C locale. */
  stderr: string;
}

/**
 * Node passes only UTF-8 text. For words with other bytes, a shell decodes them from octal numbers
 * and then executes the program. The shell reads only those numbers.
 */
function spawnable(program: string, args: readonly string[]): [string, readonly string[]] {
  const words = [program, ...args];
  if (!words.some(isRaw)) return [program, args];
  // The `x` protects trailing newlines, which `$(…)` would strip.
  const names = words.map((word, i) => ({ name: `w${i}`, octal: octalOf(bytesOfText(word)) }));
  const lines = names.map(({ name, octal }) => `${name}=$(printf '${octal}x'); ${name}=\${${name}%x}`);
  return ['/bin/sh', ['-c', `${lines.join('\n')}\nexec ${names.map(({ name }) => `"$${name}"`).join(' ')}`]];
}

function octalOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}

/**
 * Runs a program without a shell, in directory `/`, with nothing on stdin or stdout.
 *
 * Returns at the deadline, even if the program is still dying. A program that waits for a hung FUSE
 * daemon cannot be killed, and our process must be able to continue and to exit.
 * @throws the spawn error (ENOENT …) if it cannot be started
 */
export function runTool(program: string, args: readonly string[], options: ToolOptions): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(...spawnable(program, args), {
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      stdio: ['ignore', 'ignore', 'pipe', ...(options.inherited ?? [])],
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < OUTPUT_MAX) stderr += text;
    });
    const latest = performance.now() + RUNNING_MAX_MS;
    const cancel = cpuFairTimer(options.deadlineMs, () => {
      if (wantsCpu(child) && performance.now() < latest) return true;
      child.kill('SIGKILL');
      child.stderr?.destroy();
      child.unref();
      resolve({ status: undefined, stderr: stderr.trim() });
      return false;
    });
    child.once('error', (error) => {
      cancel();
      reject(error);
    });
    child.once('close', (code) => {
      cancel();
      resolve({ status: code ?? undefined, stderr: stderr.trim() });
    });
  });
}

/**
 * Runs mount(8), umount(8) or fusermount3.
 * @returns the tool's own error message; undefined if it succeeded
 * @throws LayerslayerError `code` if it can't be started
 */
export async function failureOfTool(
  program: string,
  args: readonly string[],
  code: 'MOUNT_FAILED' | 'UNMOUNT_FAILED',
  options: Omit<ToolOptions, 'deadlineMs'> = {},
): Promise<string | undefined> {
  const running = runTool(program, args, { deadlineMs: MOUNT_DEADLINE_MS, ...options });
  const { status, stderr } = await running.catch((error: unknown) => {
    const message = `running ${program}: ${asLayerslayerError(error).message}`;
    throw new LayerslayerError(code, message, { cause: error });
  });
  if (status === 0) return undefined;
  if (status === undefined) return `${program} did not end within ${MOUNT_DEADLINE_MS / 1000} s`;
  // First line without the tool's name and path: `mount: /mnt/img: permission denied.`
  const [line = ''] = stderr.split('\n');
  const reason = line.replace(/^(?:u?mount: (?:[^:]*: )?|\S*fusermount3?: )/, '');
  return reason || `${program} ended with ${status}`;
}

/** Returns whether the tool computes or waits for a CPU (proc_pid_stat(5): state R). */
function wantsCpu({ pid }: ChildProcess): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.startsWith('R', stat.lastIndexOf(')') + 2);
  } catch {
    return false;
  }
}
