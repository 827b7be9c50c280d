import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, logTo } from '#dist/base/log.js';

export const IS_ROOT = process.geteuid?.() === 0;
export const NOBODY = 65534;

const cleanups: (() => void)[] = [];

/** A directory of its own; `cleanUp` removes it. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'layerslayer-test-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A tmpfs: the kernel itself refuses what goes beyond `size`. For root only. */
export function scratchTmpfs(size: number): string {
  const directory = scratchDirectory();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', directory]);
  cleanups.push(() => execFileSync('umount', ['-l', directory]));
  return directory;
}

export function onCleanUp(task: () => void): void {
  cleanups.push(task);
}

export function cleanUp(): void {
  for (const task of cleanups.splice(0).reverse()) task();
}

/** A log that remembers its warnings. */
export function warningLog(): Log & { warnings: string[] } {
  const warnings: string[] = [];
  const log = logTo((level, message) => {
    if (level === 'warn' || level === 'error') warnings.push(message);
  });
  return { ...log, warnings };
}
