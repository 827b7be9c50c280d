import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * Options of Node under a limited address space (RLIMIT_AS, `ulimit -v`), as batch systems set it. V8 reserves 10 GB of
 * addresses around each WebAssembly memory, so that an access out of bounds traps; each inflater has such a memory, and so
 * does the HTTP parser. The first option has V8 check bounds in code instead: an index pass takes 1 to 2 % longer (measured).
 * Then V8 reserves for each memory what it may grow to. The HTTP parser's may grow to 4 GiB: 256 pages of 64 KiB are
 * plenty.
 */
export const SMALL_SPACE_OPTIONS: readonly string[] = [
  '--disable-wasm-trap-handler',
  '--wasm-max-mem-pages=256',
];

/**
 * Bytes that a process of ours needs at the least, whatever the image: a mount of a small one takes 0.9 GiB (measured, with
 * two processors), nearly all of it reserved and never used. Below this V8 kills the process sooner or later.
 */
const LEAST_SPACE = 1.5 * 2 ** 30;

/** Threads of a command that reads an image: 15 (measured). libuv kills the process that gets no more. */
const LEAST_PROCESSES = 16;

/** A daemon that serves reads has 36 files open, its worker threads' included (measured, with two processors). */
const FEW_FILES = 256;
/** Open for a moment while something is read: cached pages, connections. */
const SPARE_FILES = 8;

/** A daemon has 19 threads (measured), and all processes of the user count. */
const FEW_PROCESSES = 1024;

/** What this process may have at the most, by the soft limits (getrlimit(2)); undefined: no limit, or no /proc to see it. */
interface ProcessLimits {
  addressSpace: number | undefined; // bytes
  openFiles: number | undefined;
  processes: number | undefined; // and threads, of the user; root has no such limit
}

function processLimits(): ProcessLimits {
  let text = '';
  try {
    text = readFileSync('/proc/self/limits', 'latin1');
  } catch {
    // Without /proc none is known.
  }
  const soft = (name: string) => {
    const value = new RegExp(`^${name} +(\\d+)`, 'm').exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  };
  return {
    addressSpace: soft('Max address space'),
    openFiles: soft('Max open files'),
    processes: process.geteuid?.() === 0 ? undefined : soft('Max processes'),
  };
}

/** Whether the address space has a limit, and this process was not started with SMALL_SPACE_OPTIONS. */
export function wantsSmallSpace(): boolean {
  return processLimits().addressSpace !== undefined && !savesAddressSpace();
}

/** Whether this process was started with SMALL_SPACE_OPTIONS. */
export function savesAddressSpace(): boolean {
  return SMALL_SPACE_OPTIONS.every((option) => process.execArgv.includes(option));
}

/**
 * Returns why no image can be read under the limits of this process; undefined when there is a chance. Checked first: past
 * these limits V8 and libuv end the process with a stack trace of their own.
 */
export function hopelessLimit(): string | undefined {
  const { addressSpace, processes } = processLimits();
  if (addressSpace !== undefined && addressSpace < LEAST_SPACE)
    return `${spaceText(addressSpace)}: layerslayer needs ${kib(LEAST_SPACE)} KiB or more`;
  if (processes !== undefined && processes < LEAST_PROCESSES)
    return `${processesText(processes)}: layerslayer needs ${LEAST_PROCESSES} or more`;
  return undefined;
}

/**
 * Returns the limits under which memory, threads or descriptors may run out before all that a mount needs is there, as text;
 * undefined without any: `the address space is limited to 8000000 KiB (ulimit -v)`.
 */
export function tightLimits(): string | undefined {
  const { addressSpace, openFiles, processes } = processLimits();
  const tight = [
    ...(addressSpace === undefined ? [] : [spaceText(addressSpace)]),
    ...(openFiles !== undefined && openFiles < FEW_FILES
      ? [`open files are limited to ${openFiles} (ulimit -n)`]
      : []),
    ...(processes !== undefined && processes < FEW_PROCESSES ? [processesText(processes)] : []),
  ];
  return tight.length === 0 ? undefined : tight.join(', ');
}

function spaceText(limit: number): string {
  return `the address space is limited to ${kib(limit)} KiB (ulimit -v)`;
}

function processesText(limit: number): string {
  return `processes and threads of this user are limited to ${limit} (ulimit -u)`;
}

/** The unit of `ulimit -v`. */
function kib(bytes: number): number {
  return Math.floor(bytes / 1024);
}

/** Proves that a few more files can be opened. @throws the system's error (EMFILE) */
export function checkSpareFiles(): void {
  const opened: number[] = [];
  try {
    for (let i = 0; i < SPARE_FILES; i++) opened.push(openSync('/dev/null', 'r'));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** Whether the signal is one by which V8, libuv or the kernel ends a process that ran out of memory or threads. */
export function isCrash(signal: string): boolean {
  return ['SIGTRAP', 'SIGABRT', 'SIGILL', 'SIGSEGV', 'SIGBUS'].includes(signal);
}
