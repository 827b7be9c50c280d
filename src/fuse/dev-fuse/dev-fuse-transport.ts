import type { LayerFs } from '../../fs/layer-fs.js';
import { AttachedMount, attachedDevice } from '../attached-mount.js';
import { ALL_CAPABILITIES } from '../capabilities.js';
import { raiseReadAhead } from '../fuse-native/backing-device.js';
import type { KernelMount } from '../mounting/kernel-mount.js';
import { checkedMountpoint } from '../mounting/mountpoint.js';
import { ownKernelMount } from '../mounting/own-kernel-mount.js';
import type { MountedFs, Transport, TransportOptions } from '../transport.js';
import { DeviceChannel, READERS } from './device-channel.js';
import { Dispatcher } from './dispatcher.js';
import { withinInitDeadline } from './init-deadline.js';

export interface DevFuseOptions {
  kernelMount?: KernelMount; // opens the descriptor; default: this user's
  readers?: number; // default READERS
  readDeadlineMs?: number; // default READ_DEADLINE_MS
}

/**
 * Speaks the kernel's FUSE protocol over /dev/fuse, without libfuse. This process must never access
 * the mount by a synchronous call (`fs.*Sync`, or spawning a program there): it could not answer
 * itself.
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
    const { log } = options;
    const kernelMount = this.#kernelMount ?? (await ownKernelMount());
    const checked = await checkedMountpoint(mountpoint, { ...options, kernelMount });
    const { path } = checked;
    const channel = new DeviceChannel(await kernelMount.attach(checked, options), log);
    const dispatcher = new Dispatcher(fs, channel, log, { readDeadlineMs: this.#readDeadlineMs });
    channel.start(this.#readers, (request) => dispatcher.handle(request));
    void channel.closed.then(() => dispatcher.close());
    const mounted = new AttachedMount(path, await attachedDevice(path), channel.closed, kernelMount, log);
    try {
      await withinInitDeadline(dispatcher.ready);
    } catch (error) {
      await mounted.abort();
      throw error;
    }
    await raiseReadAhead(mounted.device, log);
    return mounted;
  }
}
