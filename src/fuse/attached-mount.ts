import { writeFile } from 'node:fs/promises';
import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { MAX_READ_SIZE } from './kernel-numbers.js';
import type { Detachment, KernelMount } from './mounting/kernel-mount.js';
import { FILE_SYSTEM_TYPE, findMounts, readMountTable, topmostAt } from './mounting/mount-table.js';
import type { MountedFs } from './transport.js';

/**
 * A mount of ours in the kernel's table, of any transport. It is known by its device number, so
 * that a later mount on the same path, or one below, is not mistaken for it.
 */
export class AttachedMount implements MountedFs {
  readonly closed: Promise<void>;
  #isClosed = false;

  /**
   * @param ended resolves when the kernel sends no more requests
   * @param onAborted called after `abort` has detached the mount
   */
  constructor(
    readonly mountpoint: string,
    readonly device: string | undefined,
    ended: Promise<void>,
    private readonly kernelMount: KernelMount,
    private readonly log: Log,
    private readonly onAborted = () => {},
  ) {
    this.closed = ended.then(async () => {
      this.#isClosed = true;
      await this.#removeRemains();
    });
  }

  async unmount({ lazy }: { lazy: boolean }): Promise<void> {
    await this.#detach(lazy ? 'lazily' : 'if-unused');
  }

  async abort(): Promise<void> {
    await this.#detach('forcibly');
    this.onAborted();
  }

  /**
   * Raises the kernel's read-ahead. It reads 128 KiB ahead on each new FUSE mount, whatever INIT
   * negotiated, unless root sets more here. With 1 MiB a sequential read costs an eighth of the
   * requests. Without permission (container, /sys read-only), it changes nothing.
   */
  async raiseReadAhead(): Promise<void> {
    if (this.device === undefined) return;
    try {
      const path = `/sys/class/bdi/${this.device}/read_ahead_kb`;
      await writeFile(path, String(MAX_READ_SIZE / 1024));
    } catch (error) {
      this.log.debug(`read-ahead stays at the kernel's default: ${(error as Error).message}`);
    }
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

  /** Removes the dead mount of an aborted connection (`umount -f`, /sys/fs/fuse/connections). */
  async #removeRemains(): Promise<void> {
    try {
      if ((await this.#state()) === 'seen') await this.kernelMount.detach(this.mountpoint, 'lazily');
    } catch (error) {
      this.log.warn(`removing the dead mount: ${(error as Error).message}`);
    }
  }

  async #state(): Promise<'seen' | 'covered' | 'gone'> {
    if (this.device === undefined) return 'gone'; // unmounted before we read the table
    const table = await readMountTable();
    if (topmostAt(table, this.mountpoint)?.device === this.device) return 'seen';
    const here = table.some((entry) => entry.mountpoint === this.mountpoint && entry.device === this.device);
    return here ? 'covered' : 'gone';
  }
}

/** Returns the device number of our mount that a path shows. */
export async function attachedDevice(mountpoint: string): Promise<string | undefined> {
  return topmostAt(await findMounts(FILE_SYSTEM_TYPE), mountpoint)?.device;
}
