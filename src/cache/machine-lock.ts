import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../base/errors.js';
import { makeDirectories } from '../base/make-directories.js';
import { LockFile, type LockPlace, lockNames } from './lock-file.js';

/** A shorter wait means that the holder had the lock only briefly; see MAX_PAUSE_MS. */
const SHORT_WAIT_MS = 20;
/** Longest pause between tries when waits are short, to avoid a busy loop under contention. */
const MAX_PAUSE_MS = 50;
/**
 * Files of this process that may be removed (by `rm -r` of the directory) before it goes without a
 * lock.
 */
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
      // A later sweep may remove it.
    } finally {
      await lock?.close();
    }
  }
  return areFree;
}

/** @returns undefined if the directory takes no locks */
async function acquire(place: LockPlace, options: MachineLockOptions): Promise<LockFile | undefined> {
  let lock: LockFile | undefined;
  try {
    for (let removals = 0; ; removals++) {
      try {
        options.signal?.throwIfAborted();
        lock = await prepare(place);
        await take(lock, options);
        return lock;
      } catch (error) {
        await lock?.close();
        lock = undefined;
        options.signal?.throwIfAborted();
        if (systemCode(error) !== 'ENOENT' || removals === REMOVALS_MAX) throw error;
      }
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    const code = systemCode(error);
    options.onUnlocked?.(
      code !== undefined && UNWRITABLE.has(code)
        ? undefined
        : `cannot lock in ${place.directory}: ${code ?? (error as Error).message}`,
    );
    return undefined;
  }
}

async function prepare(place: LockPlace): Promise<LockFile> {
  try {
    return await LockFile.prepare(place);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    makeDirectories(place.directory, 0o700);
    return LockFile.prepare(place);
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
function endOf(holder: Socket, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      signal?.removeEventListener('abort', onAbort);
      settle();
      holder.destroy();
    };
    const onAbort = () => finish(() => reject(signal?.reason));
    if (signal?.aborted) return onAbort();
    if (holder.destroyed) return resolve();
    signal?.addEventListener('abort', onAbort, { once: true });
    holder.on('error', () => {}); // reset: 'close' follows
    holder.on('close', () => finish(resolve));
    holder.resume();
  });
}
