import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../base/errors.js';
import { LockFile, type LockPlace, lockNames } from './lock-file.js';
import { makeDirectories } from './make-directories.js';

/** A wait shorter than this means that the holder had the lock for a moment only; see MAX_PAUSE_MS. */
const SHORT_WAIT_MS = 20;
/** Longest pause between tries when waits are short, so that a crowd does not make a busy loop. */
const MAX_PAUSE_MS = 50;
/** Files of ours that may be removed (with their directory, by `rm -r`) before we go on without a lock. */
const REMOVALS_MAX = 5;

/** Where no file can be made, no content can be written either, and the writer warns of that. */
const UNWRITABLE = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EACCES']);

export interface MachineLockOptions {
  signal?: AbortSignal;
  /** Called once, when another process or thread holds the lock. */
  onWait?(): void;
  /**
   * No lock can be had in that directory: called before the task runs without it. It may throw, and the task does not run.
   * @param reason for a warning; undefined when the directory cannot be written to at all
   */
  onUnlocked?(reason: string | undefined): void;
}

/**
 * Runs the task while no other process or thread of this user, on this machine and in whatever container, runs one under the
 * same name in the same directory. The lock dies with its holder (see `LockFile`). Waiters are connected to the holder and
 * woken by the end of that connection, without polling. Not reentrant.
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

/** Removes the files that killed processes have left, of locks that are free. Never throws. */
export async function sweepLocks(directory: string): Promise<void> {
  for (const name of await lockNames(directory)) {
    let lock: LockFile | undefined;
    try {
      lock = await LockFile.prepare({ directory, name });
      const attempt = await lock.attempt();
      if (typeof attempt !== 'string') attempt.destroy();
    } catch {
      // A later sweep may do it.
    } finally {
      await lock?.close();
    }
  }
}

/** @returns undefined when there is no lock to be had */
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
        : `no locks in ${place.directory}: ${code ?? (error as Error).message}`,
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

/** EAGAIN: the holder has more waiters than a socket's queue takes. */
function unlessBusy(error: unknown): 'again' {
  if (systemCode(error) === 'EAGAIN') return 'again';
  throw error;
}

/** Resolves when the holder lets go or dies. @throws the signal's reason */
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
    holder.on('error', () => {}); // reset: gone, and 'close' follows
    holder.on('close', () => finish(resolve));
    holder.resume();
  });
}
