import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type ErrorCode, LayerslayerError } from '../../base/errors.js';
import { inheritedFiles } from '../../base/process/inherited-files.js';
import {
  hopelessLimit,
  isCrash,
  SMALL_SPACE_OPTIONS,
  savesAddressSpace,
  tightLimits,
  wantsSmallSpace,
} from '../../base/process/process-limits.js';

/**
 * Runs this command line in another process if the address space is limited: Node takes the options
 * for WebAssembly only at start. Passes signals and open descriptors on.
 * @param code of the error if the limits are too low to read any image
 * @returns the exit status; undefined if this process may continue itself
 * @throws LayerslayerError naming the limit
 */
export async function runInSmallSpace(code: ErrorCode): Promise<number | undefined> {
  endWithStarter();
  const hopeless = hopelessLimit();
  if (hopeless !== undefined) throw new LayerslayerError(code, hopeless);
  if (!wantsSmallSpace()) return undefined;
  const args = [...process.execArgv, ...SMALL_SPACE_OPTIONS, ...process.argv.slice(1)];
  const child = spawn(process.execPath, args, { stdio: [...callersFiles(), 'ipc'] });
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  // Ctrl-C reaches the whole job; a second signal would end the command at once.
  const isJob = [0, 1, 2].some((fd) => isatty(fd));
  process.on('SIGINT', isJob ? () => {} : pass);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, pass);
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (...end) => resolve(end));
  });
  if (signal !== null && isCrash(signal))
    throw new LayerslayerError(code, `ended by ${signal}: ${tightLimits()}`);
  if (signal !== null) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  return status ?? undefined;
}

/** Ends the working process as by SIGTERM if its parent is killed, which can't pass that on. */
function endWithStarter(): void {
  if (!savesAddressSpace() || !process.connected) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref();
}

/** The standard streams, and descriptors that Node closes in children (`3<token`). */
function callersFiles(): (number | 'ignore')[] {
  const files: (number | 'ignore')[] = [0, 1, 2];
  const inherited = inheritedFiles();
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd <= 2 || inherited.includes(fd) || isOurs(fd)) continue;
    while (files.length < fd) files.push('ignore');
    files[fd] = fd;
  }
  return files;
}

/** Returns whether Node opened it (event loop), or it is closed (the listing's handle). */
function isOurs(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('anon_inode:');
  } catch {
    return true;
  }
}
