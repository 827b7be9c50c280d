import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { LayerslayerError, systemCode } from '../base/errors.js';
import { abstractSocketName, isHeldByUser } from './abstract-socket.js';

/** A wait shorter than this means nobody held the lock for long; see MAX_PAUSE_MS. */
const SHORT_WAIT_MS = 20;
/** Longest pause between tries when waits are short, so that neither a crowd nor a socket that refuses makes a busy loop. */
const MAX_PAUSE_MS = 50;
/** After so long a wait we ask whether the holder is one of ours at all, and go on asking as often. */
const OWNER_CHECK_MS = 2000;

export interface MachineLockOptions {
  signal?: AbortSignal;
  /** Called once, when another process or thread holds the lock. */
  onWait?(): void;
  /**
   * Another user has bound our name, to hold us up: called before the task runs without the lock. It may throw, and
   * the task does not run.
   */
  onForeign?(): void;
}

/**
 * Runs the task while no other process or thread of this user, on this machine, runs one under the same name. The lock is an
 * abstract Unix socket: Node has no flock, and the kernel frees the name when its holder dies, however it dies. Whoever waits
 * is connected to the holder and is woken by the end of that connection: nobody polls. Not reentrant.
 * @throws the task's own error, or the signal's reason while waiting
 */
export async function withMachineLock<T>(
  name: string,
  task: () => Promise<T>,
  options: MachineLockOptions = {},
): Promise<T> {
  const release = await acquire(name, options);
  try {
    return await task();
  } finally {
    await release();
  }
}

type Release = () => Promise<void>;

async function acquire(name: string, options: MachineLockOptions): Promise<Release> {
  const user = process.geteuid?.() ?? 0;
  const socketName = abstractSocketName(name, user);
  const { signal } = options;
  let pauseMs = 1;
  let nextCheckAt = Number.POSITIVE_INFINITY;
  for (;;) {
    signal?.throwIfAborted();
    const release = await listen(socketName);
    if (release) return release;

    const began = performance.now();
    if (nextCheckAt === Number.POSITIVE_INFINITY) {
      options.onWait?.();
      nextCheckAt = began + OWNER_CHECK_MS;
      signal?.throwIfAborted(); // onWait may have aborted: a listener added now would not hear of it
    }
    await waitForHolder(socketName, nextCheckAt - began, signal);
    const now = performance.now();
    if (now >= nextCheckAt) {
      if ((await isHeldByUser(socketName, user)) === false) {
        options.onForeign?.();
        return async () => {};
      }
      nextCheckAt = performance.now() + OWNER_CHECK_MS;
    } else if (now - began < SHORT_WAIT_MS) {
      // An abort ends the pause; the loop then throws its reason.
      await delay(pauseMs * Math.random(), undefined, { signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    } else {
      pauseMs = 1;
    }
  }
}

/** Binds the name; undefined when it is taken. */
function listen(socketName: string): Promise<Release | undefined> {
  return new Promise((resolve, reject) => {
    const waiters = new Set<Socket>();
    const server = createServer((waiter) => {
      waiters.add(waiter);
      waiter.on('error', () => {}); // a waiter that was killed
      waiter.on('close', () => waiters.delete(waiter));
      waiter.resume();
    });
    server.on('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE') resolve(undefined);
      else
        reject(
          new LayerslayerError('IO_FAILED', `binding lock ${socketName}: ${error.message}`, { cause: error }),
        );
    });
    server.listen(`\0${socketName}`, () => {
      resolve(
        () =>
          new Promise((closed) => {
            // First the name is free, then the waiters are told.
            server.close(() => closed());
            for (const waiter of waiters) waiter.destroy();
          }),
      );
    });
  });
}

/** Resolves when the holder lets go or dies, or after `limitMs`. */
function waitForHolder(socketName: string, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const holder = connect(`\0${socketName}`);
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      settle();
      holder.destroy();
    };
    const timer = setTimeout(() => finish(resolve), limitMs);
    const onAbort = () => finish(() => reject(signal?.reason));
    signal?.addEventListener('abort', onAbort, { once: true });
    holder.on('error', () => {}); // refused or reset: gone, and 'close' follows
    holder.on('close', () => finish(resolve));
    holder.resume();
  });
}
