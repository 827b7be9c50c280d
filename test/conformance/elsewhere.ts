import type * as fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../support/child.js';

const RUNNER = fileURLToPath(new URL('./elsewhere.mjs', import.meta.url));

/** No task takes this long. One that waits without end fails its test by this. */
const DEADLINE_MS = 50_000;

type Name = string | Uint8Array; // bytes end with NUL

export interface DirectoryEntry {
  name: string; // hex
  inode: string;
  type: number; // DT_…
  next: number; // the cursor behind it
}

/** The system calls of libc.mjs. */
export interface Libc {
  getdents(descriptor: number, size: number): DirectoryEntry[];
  lseek64(descriptor: number, offset: number, whence: number): number;
  read(descriptor: number, buffer: Uint8Array, size: number): number;
  sendfile64(to: number, from: number, offset: null, size: number): number;
  splice(from: number, fromOffset: null, to: number, toOffset: null, size: number, flags: number): number;
  copy_file_range(
    from: number,
    fromOffset: null,
    to: number,
    toOffset: null,
    size: number,
    flags: number,
  ): number;
  pipe2(descriptors: Uint8Array, flags: number): number;
  fallocate64(descriptor: number, mode: number, offset: number, size: number): number;
  flock(descriptor: number, operation: number): number;
  getxattr(path: Name, name: Name, value: Uint8Array | null, size: number): number;
  lgetxattr(path: Name, name: Name, value: Uint8Array | null, size: number): number;
  listxattr(path: Name, names: Uint8Array | null, size: number): number;
  setxattr(path: Name, name: Name, value: Uint8Array, size: number, flags: number): number;
  lsetxattr(path: Name, name: Name, value: Uint8Array, size: number, flags: number): number;
  removexattr(path: Name, name: Name): number;
  mknod(path: Name, mode: number, device: number): number;
  mkfifo(path: Name, mode: number): number;
  renameat2(from: number, path: Name, to: number, newPath: Name, flags: number): number;
  forget(descriptor: number): void;
  mmap(descriptor: number, offset: number, size: number, protection: number, flags: number): Buffer;
  handleOf(path: Name): Buffer;
  openByHandle(mount: number, handle: Buffer): number;
  opendir(path: Name): { tell(): number; seek(place: number): void; next(): string | undefined };
}

/** What a task finds where it runs. */
export interface Tools {
  fs: typeof fs;
  libc: Libc;
  /** How a call ends: `ok`, or the code of its error. */
  errorOf(call: () => unknown): string;
  Buffer: typeof Buffer;
}

/**
 * Runs a function in its own process: a process must not touch a mount that it serves. Only its
 * source is sent there, so it can use its arguments but nothing else of its file. Arguments and
 * result are sent as JSON.
 */
export function elsewhere<Args extends readonly unknown[], Result>(
  task: (tools: Tools, ...args: Args) => Result | Promise<Result>,
  ...args: Args
): Promise<Result> {
  return startElsewhere(() => {}, task, ...args);
}

/** The same, for a test that signals the process. @param started is told its id */
export async function startElsewhere<Args extends readonly unknown[], Result>(
  started: (pid: number) => void,
  task: (tools: Tools, ...args: Args) => Result | Promise<Result>,
  ...args: Args
): Promise<Result> {
  const input = JSON.stringify({ source: task.toString(), args });
  const options = { cwd: '/', input, deadlineMs: DEADLINE_MS, started };
  const { stdout } = await run(process.execPath, [RUNNER], options);
  const { value, error } = JSON.parse(Buffer.from(stdout, 'latin1').toString()) as {
    value: Result;
    error?: string;
  };
  if (error !== undefined) throw new Error(`elsewhere: ${error}`);
  return value;
}
