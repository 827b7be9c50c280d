import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * How long a writer in another container counts as alive, since its process is not visible here.
 * Until then, the few MiB that a killed writer reserved are unavailable.
 */
const FOREIGN_LIFE_MS = 24 * 60 * 60 * 1000;

/**
 * Returns the name of one open store, in one thread of one process. Its reserve and its temporary
 * files have this name, from which other processes can tell whether it is alive. The format is
 * `pid.startTime.pidNamespace.madeMs-random`. A later process may get the same pid, but has another
 * start time. Containers that share a cache count their processes separately.
 */
export function newWriterName(): string {
  const { pid } = process;
  const made = `${Date.now()}-${randomBytes(4).toString('hex')}`;
  return `${pid}.${startTimeOf(pid) ?? ''}.${pidNamespace()}.${made}`;
}

/** Returns whether the process is alive whose writer name the text begins with. */
export function isWriterAlive(name: string): boolean {
  const [pid, startTime, namespace, made] = name.split('.');
  if (made !== undefined && namespace !== pidNamespace())
    return Math.abs(Date.now() - Number.parseInt(made, 10)) < FOREIGN_LIFE_MS;
  return (startTimeOf(Number(pid)) ?? '') === startTime;
}

/**
 * Returns `starttime`, field 22 of /proc/pid/stat (proc(5)), in clock ticks since boot. undefined
 * if there is no such process. A killed process stays a zombie until its parent waits for it, in
 * many containers forever.
 */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 2 is the program's name in parentheses, which may itself have spaces and parentheses.
    // So fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // The first thread may be a zombie while others still run and write.
    const isZombie = /[ZX]/.test(fields[0]!) && Number(fields[17]) <= 1;
    return isZombie ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Returns the number of this process's pid namespace, empty if the kernel has none. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch {
    return '';
  }
}
