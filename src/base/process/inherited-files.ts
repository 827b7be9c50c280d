import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { procFault } from './proc.js';

const O_CLOEXEC = 0o2000000; // Linux, asm-generic/fcntl.h; the flags in fdinfo are octal

/**
 * Returns the descriptors above stderr that a child of this process would inherit: those that our
 * own caller left open (`9>lock`, bash's process substitution at 63). Node marks its own
 * close-on-exec, but its caller's only up to the first gap above 15.
 * @throws LayerslayerError IO_FAILED without /proc
 */
export function inheritedFiles(): number[] {
  try {
    return readdirSync('/proc/self/fd')
      .map(Number)
      .filter((fd) => fd > 2 && !isClosedOnExec(fd));
  } catch (error) {
    throw procFault(error);
  }
}

/** Closes the inherited descriptors in `names`. Call it before opening any. */
export function closeInherited(names: readonly string[]): void {
  for (const name of names) {
    try {
      closeSync(Number(name));
    } catch {
      // Already closed.
    }
  }
}

function isClosedOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
    return flags === null || (Number.parseInt(flags[1]!, 8) & O_CLOEXEC) !== 0;
  } catch {
    return true; // the directory handle that listed itself, closed by now
  }
}
