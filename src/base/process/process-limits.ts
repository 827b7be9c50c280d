import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * Node options for a limited address space (RLIMIT_AS, `ulimit -v`), as batch systems set it. V8
 * reserves 10 GB of addresses around each WebAssembly memory, so that an access out of bounds
 * traps. Each inflater and the HTTP parser have such a memory. The first option makes V8 check
 * bounds in code; an index pass takes 1 to 2 % longer (measured). V8 then reserves the maximum size
 * of each memory. The second option limits the HTTP parser's from 4 GiB to 256 pages of 64 KiB.
 */
export const SMALL_SPACE_OPTIONS: readonly string[] = [
  '--disable-wasm-trap-handler',
  '--wasm-max-mem-pages=256',
];

/**
 * Least address space of a process for any image. A mount of a small image takes 0.9 GiB, nearly
 * all reserved and unused (measured, two processors). With less, V8 eventually kills the process.
 */
const LEAST_SPACE = 1.5 * 2 ** 30; // bytes

/** Threads of a command that reads an image: 15 (measured). libuv aborts if it cannot start one. */
const LEAST_PROCESSES = 16;

/** A daemon that serves reads has 36 open files, with its threads' (measured, two processors). */
const FEW_FILES = 256;
/** Files open briefly during a read: cached pages, connections. */
const SPARE_FILES = 8;

/** A daemon has 19 threads (measured). The limit covers all processes of the user. */
const FEW_PROCESSES = 1024;

/** Returns soft limits of this process (getrlimit(2)). undefined: no limit, or /proc is missing. */
function processLimits() {
  let text = '';
  try {
    text = readFileSync('/proc/self/limits', 'latin1');
  } catch {
    // Without /proc, no limit is known.
  }
  const soft = (name: string) => {
    const value = new RegExp(`^${name} +(\\d+)`, 'm').exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  };
  return {
    addressSpace: soft('Max address space'), // bytes
    openFiles: soft('Max open files'),
    // And threads, of the user. Root has no such limit.
    processes: process.geteuid?.() === 0 ? undefined : soft('Max processes'),
  };
}

/** Returns whether the address space is limited, but SMALL_SPACE_OPTIONS are not set. */
export function wantsSmallSpace(): boolean {
  return processLimits().addressSpace !== undefined && !savesAddressSpace();
}

/** Returns whether this process started with SMALL_SPACE_OPTIONS. */
export function savesAddressSpace(): boolean {
  return SMALL_SPACE_OPTIONS.every((option) => process.execArgv.includes(option));
}

/**
 * Returns why this process cannot read an image under its limits, undefined if it may. Check it
 * first: beyond these limits, V8 and libuv abort the process with a stack trace.
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
 * Returns the limits that may run out before a mount has all it needs, as text: `the address space
 * is limited to 8000000 KiB (ulimit -v)`. undefined if there are none.
 */
export function tightLimits(): string | undefined {
  const { addressSpace, openFiles, processes } = processLimits();
  const tight: string[] = [];
  if (addressSpace !== undefined) tight.push(spaceText(addressSpace));
  if (openFiles !== undefined && openFiles < FEW_FILES)
    tight.push(`open files are limited to ${openFiles} (ulimit -n)`);
  if (processes !== undefined && processes < FEW_PROCESSES) tight.push(processesText(processes));
  return tight.length === 0 ? undefined : tight.join(', ');
}

function spaceText(limit: number): string {
  return `the address space is limited to ${kib(limit)} KiB (ulimit -v)`;
}

function processesText(limit: number): string {
  return `processes and threads of this user are limited to ${limit} (ulimit -u)`;
}

/** Converts to the unit of `ulimit -v`. */
function kib(bytes: number): number {
  return Math.floor(bytes / 1024);
}

/** Checks that a few more files can be opened. @throws the system's error (EMFILE) */
export function checkSpareFiles(): void {
  const opened: number[] = [];
  try {
    for (let i = 0; i < SPARE_FILES; i++) opened.push(openSync('/dev/null', 'r'));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** Returns whether a process without memory or threads ends by this signal. */
export function isCrash(signal: string): boolean {
  return ['SIGTRAP', 'SIGABRT', 'SIGILL', 'SIGSEGV', 'SIGBUS'].includes(signal);
}
