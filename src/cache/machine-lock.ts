import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../base/errors.js';
import { makeDirectories } from '../base/make-directories.js';
import { reasonText } from '../base/system-error-text.js';
import { abortable } from '../base/tasks/abortable.js';
import { LockFile, type LockPlace, lockNames } from './lock-file.js';

/** A shorter wait means that the holder had the lock only briefly; see MAX_PAUSE_MS. */
const SHORT_WAIT_MS = 20;
/** Longest pause between tries when waits are short, to avoid a busy loop under contention. */
const MAX_PAUSE_MS = 50;
/** Attempts that fail since the directory or this process's file in it is removed (`rm -r`). */
const REMOVALS_MAX = 5;

/** If no file can be created, no content can be written either, and the writer warns of that. */
const UNWRITABLE = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EACCES']);

export interface MachineLockOptions {
  signal?: AbortSignal;
  /** Called once, when another process or thread holds the lock. */
  onWait?(): void;
  /**
   * Called if the directory takes no locks, before the task runs without one. If it throws, the
   * task does not run.
   * @param reason for a warning; undefined if the directory is not writable at all
   */
  onUnlocked?(reason: string | undefined): void;
}

/**
 * Runs the task under an exclusive lock of this name in this directory. It excludes other
 * processes, threads and containers of this user on this machine. The lock dies with its holder
 * (see `LockFile`). Waiters connect to the holder, and the end of that connection wakes them,
 * without polling. Not reentrant.
 * @throws the task's own error, or the signal's reason while waiting
 */
export async function withMachineLock<T>(
  place: LockPlace,
  task: () => Promise<T>,
  options: MachineLockOptions = {},
): Promise<T> {
  const lock = await acquire(place, options);
  try {
    return await task();
  } finally {
    await lock?.close();
  }
}

/**
 * Removes the files that killed processes left of free locks. Never throws.
 * @returns whether all locks were free
 */
export async function sweepLocks(directory: string): Promise<boolean> {
  let areFree = true;
  for (const name of await lockNames(directory)) {
    let lock: LockFile | undefined;
    try {
      lock = await LockFile.prepare({ directory, name });
      const attempt = await lock.attempt();
      areFree &&= attempt === 'taken';
      if (typeof attempt !== 'string') attempt.destroy();
    } catch {
      areFree = false; // for all that is known; a later sweep may remove it
    } finally {
      await lock?.close();
    }
  }
  return areFree;
}

/** @returns undefined if the directory takes no locks */
async function acquire(place: LockPlace, options: MachineLockOptions): Promise<LockFile | undefined> {
  const { signal, onUnlocked } = options;
  try {
    for (let removals = 0; ; removals++) {
      let lock: LockFile | undefined;
      try {
        signal?.throwIfAborted();
        lock = await LockFile.prepare(place);
        await take(lock, options);
        return lock;
      } catch (error) {
        await lock?.close();
        if (systemCode(error) !== 'ENOENT' || removals === REMOVALS_MAX) throw error;
        makeDirectories(place.directory, 0o700);
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    const code = systemCode(error);
    onUnlocked?.(
      code !== undefined && UNWRITABLE.has(code)
        ? undefined
        : `cannot lock in ${place.directory}: ${reasonText(error)}`,
    );
    return undefined;
  }
}

async function take(lock: LockFile, { signal, onWait }: MachineLockOptions): Promise<void> {
  let hasWaited = false;
  let pauseMs = 1;
  for (;;) {
    signal?.throwIfAborted();
    const began = performance.now();
    const attempt = await lock.attempt().catch(unlessBusy);
    if (attempt === 'taken') return;
    if (attempt !== 'again') {
      if (!hasWaited) onWait?.();
      hasWaited = true;
      await endOf(attempt, signal);
    }
    if (attempt === 'again' || performance.now() - began < SHORT_WAIT_MS) {
      // An abort ends the pause; the loop then throws its reason.
      await delay(pauseMs * Math.random(), undefined, { signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    } else {
      pauseMs = 1;
    }
  }
}

/** EAGAIN: the holder has more waiters than a socket's queue holds. */
function unlessBusy(error: unknown): 'again' {
  if (systemCode(error) === 'EAGAIN') return 'again';
  throw error;
}

/**
 * Resolves when the holder releases the lock or dies.
 * @throws the signal's reason
 */
async function endOf(holder: Socket, signal: AbortSignal | undefined): Promise<void> {
  try {
    const ended = new Promise<void>((resolve) => {
      if (holder.destroyed) resolve();
      holder.on('error', () => {}); // reset: 'close' follows
      holder.on('close', () => resolve());
      holder.resume();
    });
    await abortable(ended, signal);
  } finally {
    holder.destroy();
  }
}
