import type { ChildProcess } from 'node:child_process';
import { fromErrorRecord, LayerslayerError, withContext } from '../base/errors.js';
import type { LogLevel } from '../base/log.js';
import { isCrash, tightLimits } from '../base/process/process-limits.js';
import type { LayerProgress } from '../engine/image-session.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { FromDaemon, MountOptions, MountSummary, ToDaemon } from './daemon-protocol.js';
import { startDaemon } from './start-daemon.js';

export type { MountOptions, MountSummary };

/** A daemon reads its options 0.1 s after its start. Without threads, Node hangs at start. */
const START_MS = 30_000;

/** A daemon that was told to stop ends within 5 s; one that doesn't is killed. */
const STOP_MS = 6_000;

type Ended = FromDaemon & { type: 'ended' };

export interface DaemonListener {
  resolved(layers: number): void;
  progress(progress: LayerProgress): void;
  notice(message: string): void;
  log(level: LogLevel, message: string): void;
}

/** The starter's side of a daemon's process. */
export class DaemonClient {
  readonly #child: ChildProcess;
  readonly #startMs: number;
  readonly #exited: Promise<string>;
  #stopping = false;
  #startFault: Error | undefined; // the system has refused the process

  constructor(child: ChildProcess, startMs: number = START_MS) {
    this.#child = child;
    this.#startMs = startMs;
    this.#exited = new Promise((resolve) => {
      child.on('exit', (status, signal) => resolve(signal ?? `status ${status}`));
      child.on('error', (error) => {
        if (child.pid === undefined) this.#startFault = error;
        resolve(error.message);
      });
    });
  }

  /** Starts a daemon. It waits for `mount`. */
  static start(): DaemonClient {
    return new DaemonClient(startDaemon());
  }

  /**
   * Resolves when the mount is usable.
   * @param image when `options.resolvedByStarter`
   * @throws LayerslayerError what the daemon failed with, or `image`; ABORTED after `stop`
   */
  mount(
    options: MountOptions,
    listener: DaemonListener,
    image?: Promise<ResolvedImage>,
  ): Promise<MountSummary> {
    return new Promise((resolve, reject) => {
      const overdue = setTimeout(() => {
        const message = `the mount's daemon did not start within ${this.#startMs / 1000} s`;
        reject(new LayerslayerError('MOUNT_FAILED', [message, tightLimits()].filter(Boolean).join('; ')));
        this.#child.kill('SIGKILL');
      }, this.#startMs);
      void this.#exited.then(() => clearTimeout(overdue));
      this.#child.on('message', (message: FromDaemon) => {
        switch (message.type) {
          case 'started':
            return clearTimeout(overdue);
          case 'ready':
            return resolve(message.summary);
          case 'ended':
            return reject(ended(message));
          case 'resolved':
            return listener.resolved(message.layers);
          case 'progress':
            return listener.progress(message.progress);
          case 'notice':
            return listener.notice(message.message);
          case 'log':
            return listener.log(message.level, message.message);
        }
      });
      void this.#exited.then((how) => reject(this.#unexpected(how, options)));
      this.#send({ type: 'start', options });
      image?.then((found) => this.#send({ type: 'image', image: found })).catch(reject);
    });
  }

  /** The daemon outlives this process. Resolves when the daemon knows. */
  release(): Promise<void> {
    this.#child.unref(); // its channel still keeps this process alive
    return new Promise((resolve) => {
      // The daemon closes the channel when it has read this, or when it dies.
      if (!this.#child.connected) return resolve();
      this.#child.once('disconnect', () => resolve());
      this.#send({ type: 'accepted' });
    });
  }

  /** Resolves when a daemon in the foreground has ended. @throws LayerslayerError its error */
  async serve(): Promise<void> {
    let end: Ended | undefined;
    this.#child.on('message', (message: FromDaemon) => {
      if (message.type === 'ended') end = message;
    });
    const how = await this.#exited;
    if (end?.error) throw fromErrorRecord(end.error);
    if (!end && !this.#stopping) throw died(how);
  }

  /** Ends the daemon and its mount; resolves when its process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.connected) this.#child.disconnect();
    else this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Asks a daemon in the foreground to unmount and end; its last message still comes. */
  terminate(): void {
    this.#stopping = true;
    this.#child.kill('SIGTERM');
  }

  /** Ends a daemon that mounts nothing yet. */
  discard(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToDaemon): void {
    if (this.#child.connected) this.#child.send(message, () => {}); // a broken channel shows as its exit
  }

  #unexpected(how: string, options: MountOptions): LayerslayerError {
    if (this.#stopping) return new LayerslayerError('ABORTED', 'interrupted');
    if (this.#startFault) return withContext(this.#startFault, 'starting the daemon of the mount');
    const limits = isCrash(how) ? tightLimits() : undefined;
    if (limits !== undefined)
      return new LayerslayerError('MOUNT_FAILED', `the mount's daemon ended (${how}): ${limits}`);
    return died(`${how}; its log is ${options.logFile}`);
  }
}

function died(how: string): LayerslayerError {
  return new LayerslayerError('INTERNAL', `the mount's daemon ended unexpectedly (${how})`);
}

function ended(message: Ended): LayerslayerError {
  return message.error
    ? fromErrorRecord(message.error)
    : new LayerslayerError('MOUNT_FAILED', 'unmounted before it was ready');
}
