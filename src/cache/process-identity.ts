import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * The name of one open store, in one thread of one process: what it has reserved and half written bears it, and others
 * can tell from it whether that process still lives. `pid.startTime.random`: a later process may get the same pid, but
 * started at another moment.
 */
export function newWriterName(): string {
  return `${process.pid}.${startTimeOf(process.pid) ?? ''}.${randomBytes(4).toString('hex')}`;
}

/** Whether the process lives whose writer name the text begins with. A zombie counts as alive until it is reaped. */
export function isWriterAlive(name: string): boolean {
  const [pid, startTime] = name.split('.');
  return (startTimeOf(Number(pid)) ?? '') === startTime;
}

/** `starttime`, field 22 of /proc/pid/stat (proc(5)), in clock ticks since boot; undefined when there is no such process. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 2 is the program's name in parentheses and may itself hold spaces and parentheses: count from its end.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
