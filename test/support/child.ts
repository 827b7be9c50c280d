import { spawn } from 'node:child_process';

export interface Ended {
  status: number | null; // null: ended by a signal
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ChildOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string | Uint8Array;
  /** Told the process id, for a test that signals it. */
  started?: ((pid: number) => void) | undefined;
  /** Told what the process says on its standard output, as it comes. */
  heard?: (text: string) => void;
  /** Killed after this long; a test that waits for a dead process tells nothing. */
  deadlineMs?: number;
}

const DEADLINE_MS = 120_000;

/** Runs a command to its end, whatever its end is; both outputs as latin1, one character a byte. */
export function attempt(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.deadlineMs ?? DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    if (child.pid !== undefined) options.started?.(child.pid);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk) => {
      out.push(chunk);
      options.heard?.(chunk.toString('latin1'));
    });
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.stdin.on('error', () => {}); // a command that does not read its input is none of ours
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (status, signal) => {
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('latin1');
      resolve({ status, signal, stdout: text(out), stderr: text(err) });
    });
  });
}

/** Runs a command that must succeed. */
export async function run(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Ended> {
  const ended = await attempt(command, args, options);
  if (ended.status === 0) return ended;
  throw new Error(
    `${command} ${args.join(' ').slice(0, 500)} ended with ${ended.status ?? ended.signal}: ${ended.stderr.slice(0, 2000)}`,
  );
}
