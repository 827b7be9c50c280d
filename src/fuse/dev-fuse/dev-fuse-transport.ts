import type { LayerFs } from '../../fs/layer-fs.js';
import { AttachedMount, attachedDevice } from '../attached-mount.js';
import { withinInitDeadline } from '../deadline.js';
import { checkedMountpoint, ownKernelMount } from '../mounting/mountpoint.js';
import type { MountedFs, Transport, TransportOptions } from '../transport.js';
import { DeviceChannel } from './device-channel.js';
import { Dispatcher } from './dispatcher.js';

/** A mount whose kernel can be told to forget contents. */
class DevFuseMount extends AttachedMount {
  readonly #channel: DeviceChannel;

  constructor(channel: DeviceChannel, ...attached: ConstructorParameters<typeof AttachedMount>) {
    super(...attached);
    this.#channel = channel;
  }

  async forgetContents(inodes: Iterable<number>): Promise<void> {
    for (const inode of inodes) await this.#channel.forgetContent(inode);
  }
}

/** Speaks the kernel's FUSE protocol over /dev/fuse, without libfuse. */
export class DevFuseTransport implements Transport {
  async mount(fs: LayerFs, mountpoint: string, options: TransportOptions): Promise<MountedFs> {
    const { log } = options;
    const kernelMount = await ownKernelMount();
    const checked = await checkedMountpoint(mountpoint, options);
    const { path } = checked;
    const channel = new DeviceChannel(await kernelMount.attach(checked, options), log);
    const dispatcher = new Dispatcher(fs, channel, log);
    const ended = channel.serve((request) => dispatcher.handle(request));
    void ended.then(() => dispatcher.close());
    const device = await attachedDevice(path);
    const mounted = new DevFuseMount(channel, path, device, ended, kernelMount, log);
    try {
      await withinInitDeadline(dispatcher.ready);
    } catch (error) {
      await mounted.abort();
      throw error;
    }
    await mounted.raiseReadAhead();
    return mounted;
  }
}
