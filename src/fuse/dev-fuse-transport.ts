import { writeFile } from 'node:fs/promises';
import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { LayerFs } from '../fs/layer-fs.js';
import { ALL_CAPABILITIES } from './capabilities.js';
import { DeviceChannel, READERS } from './device-channel.js';
import { Dispatcher } from './dispatcher.js';
import { type Detachment, FILE_SYSTEM_TYPE, type KernelMount } from './kernel-mount.js';
import { findMounts, readMountTable, topmostAt } from './mount-table.js';
import { checkMountpoint } from './mountpoint.js';
import { MAX_READ_SIZE } from './negotiation.js';
import { ownKernelMount } from './own-kernel-mount.js';
import type { MountedFs, Transport, TransportOptions } from './transport.js';

/** Milliseconds between mount(2) and the kernel's INIT; it is sent at once, so this only meets a broken kernel. */
const INIT_DEADLINE_MS = 10_000;

/** A first mount comes minutes after its mountpoint was looked at; a second one at once, and looking takes 8 ms (measured). */
const CHECK_HOLDS_MS = 1_000;

export interface DevFuseOptions {
  kernelMount?: KernelMount; // how the descriptor is had; default: this user's
  readers?: number; // default READERS
  readDeadlineMs?: number; // default READ_DEADLINE_MS
}

/**
 * The kernel's FUSE protocol, spoken over /dev/fuse without libfuse. This process must never touch the mount by a
 * synchronous call (`fs.*Sync`, or spawning a program that lies there or with a directory there): nobody would answer.
 */
export class DevFuseTransport implements Transport {
  readonly name = 'dev-fuse';
  readonly capabilities = ALL_CAPABILITIES;
  readonly #kernelMount: KernelMount | undefined;
  readonly #readers: number;
  readonly #readDeadlineMs: number | undefined;

  constructor(options: DevFuseOptions = {}) {
    this.#kernelMount = options.kernelMount;
    this.#readers = options.readers ?? READERS;
    this.#readDeadlineMs = options.readDeadlineMs;
  }

  async mount(fs: LayerFs, mountpoint: string, options: TransportOptions): Promise<MountedFs> {
    const { nonempty, log } = options;
    const kernelMount = this.#kernelMount ?? (await ownKernelMount());
    const isChecked = Math.abs(Date.now() - (options.checkedMs ?? 0)) < CHECK_HOLDS_MS;
    const path = isChecked ? mountpoint : await checkMountpoint(mountpoint, { nonempty, kernelMount });
    const channel = new DeviceChannel(await kernelMount.attach(path, options), log);
    const dispatcher = new Dispatcher(fs, channel, log, { readDeadlineMs: this.#readDeadlineMs });
    channel.start(this.#readers, (request) => dispatcher.handle(request));
    channel.closed.then(() => dispatcher.close());
    const mounted = new DevFuseMount(path, await deviceOf(path), channel, kernelMount, log);
    try {
      await within(INIT_DEADLINE_MS, dispatcher.ready);
    } catch (error) {
      await mounted.abort();
      throw error;
    }
    await raiseReadAhead(mounted.device, log);
    return mounted;
  }
}

class DevFuseMount implements MountedFs {
  readonly closed: Promise<void>;
  #isClosed = false;

  constructor(
    readonly mountpoint: string,
    readonly device: string | undefined,
    channel: DeviceChannel,
    private readonly kernelMount: KernelMount,
    private readonly log: Log,
  ) {
    this.closed = channel.closed.then(async () => {
      this.#isClosed = true;
      await this.#removeRemains();
    });
  }

  async unmount({ lazy }: { lazy: boolean }): Promise<void> {
    await this.#detach(lazy ? 'lazily' : 'if-unused');
  }

  async abort(): Promise<void> {
    await this.#detach('forcibly');
  }

  async #detach(how: Detachment): Promise<void> {
    if (this.#isClosed) return;
    const state = await this.#state();
    if (state === 'gone') return;
    if (state === 'covered') {
      const message = `unmounting ${this.mountpoint}: something else is mounted over it; unmount that first`;
      throw new LayerslayerError('UNMOUNT_FAILED', message);
    }
    await this.kernelMount.detach(this.mountpoint, how);
  }

  /** A connection that was aborted (`umount -f`, /sys/fs/fuse/connections) leaves its dead mount in the table. */
  async #removeRemains(): Promise<void> {
    try {
      if ((await this.#state()) === 'seen') await this.kernelMount.detach(this.mountpoint, 'lazily');
    } catch (error) {
      this.log.warn(`removing the dead mount: ${(error as Error).message}`);
    }
  }

  /** By device number, so that neither a later mount on the same path nor one below us is taken for ours. */
  async #state(): Promise<'seen' | 'covered' | 'gone'> {
    if (this.device === undefined) return 'gone'; // somebody was faster than we could look
    const table = await readMountTable();
    if (topmostAt(table, this.mountpoint)?.device === this.device) return 'seen';
    const here = table.some((entry) => entry.mountpoint === this.mountpoint && entry.device === this.device);
    return here ? 'covered' : 'gone';
  }
}

async function deviceOf(mountpoint: string): Promise<string | undefined> {
  return topmostAt(await findMounts(FILE_SYSTEM_TYPE), mountpoint)?.device;
}

/**
 * The kernel reads 128 KiB ahead on every new FUSE mount, whatever was agreed at INIT, unless root says more here. With
 * 1 MiB a sequential read costs an eighth of the requests. Without the right to do so (container, /sys read-only) it
 * works as before.
 */
async function raiseReadAhead(device: string | undefined, log: Log): Promise<void> {
  if (device === undefined) return;
  try {
    await writeFile(`/sys/class/bdi/${device}/read_ahead_kb`, String(MAX_READ_SIZE / 1024));
  } catch (error) {
    log.debug(`read-ahead stays at the kernel's default: ${(error as Error).message}`);
  }
}

async function within(deadlineMs: number, task: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    const message = `the kernel sent no INIT within ${deadlineMs / 1000} s`;
    timer = setTimeout(() => reject(new LayerslayerError('MOUNT_FAILED', message)), deadlineMs);
  });
  try {
    await Promise.race([task, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
