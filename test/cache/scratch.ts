import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, logTo } from '#src/base/log.js';

export const IS_ROOT = process.geteuid?.() === 0;
export const NOBODY = 65534;

const cleanups: (() => void | Promise<void>)[] = [];

/** A directory of its own; `cleanUp` removes it. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'layerslayer-cache-test-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A tmpfs: the kernel itself refuses what goes beyond `size`. For root only. */
export function scratchTmpfs(size: number): string {
  const directory = scratchDirectory();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', directory]);
  cleanups.push(() => void execFileSync('umount', ['-l', directory]));
  return directory;
}

/** What must end before the directories go; the last registered is the first to run. */
export function onCleanUp(task: () => void | Promise<void>): void {
  cleanups.push(task);
}

export async function cleanUp(): Promise<void> {
  for (const task of cleanups.splice(0).reverse()) await task();
}

/** A log that remembers its warnings. */
export function warningLog(): Log & { warnings: string[] } {
  const warnings: string[] = [];
  const log = logTo((level, message) => {
    if (level === 'warn' || level === 'error') warnings.push(message);
  });
  return { ...log, warnings };
}
