import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A writer of another container is taken for alive for so long: its process cannot be looked up from here. A killed one's
 * reserve of some MiB is lost for that time.
 */
const FOREIGN_LIFE_MS = 24 * 60 * 60 * 1000;

/**
 * The name of one open store, in one thread of one process: what it has reserved and half written bears it, and others
 * can tell from it whether that process still lives. `pid.startTime.pidNamespace.madeMs-random`: a later process may get the
 * same pid, but started at another moment, and containers that share a cache count their processes separately.
 */
export function newWriterName(): string {
  const { pid } = process;
  const made = `${Date.now()}-${randomBytes(4).toString('hex')}`;
  return `${pid}.${startTimeOf(pid) ?? ''}.${pidNamespace()}.${made}`;
}

/** Whether the process lives whose writer name the text begins with. */
export function isWriterAlive(name: string): boolean {
  const [pid, startTime, namespace, made] = name.split('.');
  if (made !== undefined && namespace !== pidNamespace())
    return Math.abs(Date.now() - Number.parseInt(made, 10)) < FOREIGN_LIFE_MS;
  return (startTimeOf(Number(pid)) ?? '') === startTime;
}

/**
 * `starttime`, field 22 of /proc/pid/stat (proc(5)), in clock ticks since boot; undefined when there is no such process. One that
 * was killed stays a zombie until its parent asks for it: in many containers, for ever.
 */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 2 is the program's name in parentheses and may itself hold spaces and parentheses: count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Its first thread is a zombie while others still end, and may be writing.
    const isZombie = /[ZX]/.test(fields[0]!) && Number(fields[17]) <= 1;
    return isZombie ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

let ownNamespace: string | undefined;

/** The number of this process's pid namespace; empty where the kernel has none. */
function pidNamespace(): string {
  if (ownNamespace === undefined) {
    try {
      ownNamespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
    } catch {
      ownNamespace = '';
    }
  }
  return ownNamespace;
}
