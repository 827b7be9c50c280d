import type Fuse from 'fuse-native';
import { LayerslayerError } from '../base/errors.js';
import type { LayerFs } from '../fs/layer-fs.js';
import { AttachedMount, attachedDevice } from './attached-mount.js';
import { FUSE_NATIVE_CAPABILITIES } from './capabilities.js';
import { deviceClosed, deviceDescriptors } from './device-descriptors.js';
import { FaultLog } from './fault-log.js';
import { loadFuseNative } from './fuse-native-library.js';
import { fuseNativeOptions } from './fuse-native-options.js';
import { withinInitDeadline } from './init-deadline.js';
import { checkedMountpoint } from './mountpoint.js';
import { ownKernelMount } from './own-kernel-mount.js';
import { PathOperations } from './path-operations.js';
import { READ_DEADLINE_MS } from './pending-reads.js';
import { raiseReadAhead } from './read-ahead-limit.js';
import type { MountedFs, Transport, TransportOptions } from './transport.js';

/** Bytes, with the NUL; fuse-native cuts a longer path, and would mount somewhere else. */
const MOUNTPOINT_MAX = 1024;

export interface FuseNativeOptions {
  readDeadlineMs?: number; // default READ_DEADLINE_MS
}

/**
 * The kernel's protocol spoken by libfuse 2, in threads of its own, which wait for this one to answer by path. What it can't
 * carry is in its `capabilities`. Like any FUSE server this process must never touch the mount by a synchronous call.
 */
export class FuseNativeTransport implements Transport {
  readonly name = 'fuse-native';
  readonly capabilities = FUSE_NATIVE_CAPABILITIES;
  readonly #readDeadlineMs: number;

  constructor(options: FuseNativeOptions = {}) {
    this.#readDeadlineMs = options.readDeadlineMs ?? READ_DEADLINE_MS;
  }

  async mount(fs: LayerFs, mountpoint: string, options: TransportOptions): Promise<MountedFs> {
    const { log } = options;
    const FuseNative = await loadFuseNative();
    const kernelMount = await ownKernelMount();
    const path = await checkedMountpoint(mountpoint, { ...options, kernelMount });
    if (Buffer.byteLength(path) >= MOUNTPOINT_MAX) {
      throw failed(path, `fuse-native takes at most ${MOUNTPOINT_MAX - 1} bytes`);
    }
    const operations = new PathOperations(fs, new FaultLog(log), { readDeadlineMs: this.#readDeadlineMs });
    const fuse = new FuseNative(path, operations, fuseNativeOptions(options));
    // Told exactly, where fuse-native's own would cut, or name a length that is not there.
    fuse._op_getxattr = (reply, of, name, into) =>
      operations.getxattr(of, name, into, (result) => reply(result, into.buffer));
    fuse._op_listxattr = (reply, of, into) =>
      operations.listxattr(of, into, (result) => reply(result, into.buffer));

    const descriptor = await attach(fuse, path);
    // libfuse closes the device when the kernel has no more requests, and says so to nobody.
    const ended = deviceClosed(descriptor);
    ended.then(() => operations.abortReads());
    const device = await attachedDevice(path);
    await raiseReadAhead(device, log);
    return new FuseNativeMount(operations, path, device, ended, kernelMount, log);
  }
}

class FuseNativeMount extends AttachedMount {
  constructor(
    private readonly operations: PathOperations,
    ...attached: ConstructorParameters<typeof AttachedMount>
  ) {
    super(...attached);
  }

  override async abort(): Promise<void> {
    await super.abort();
    this.operations.abortReads(); // libfuse ends when each of its threads has its answer
  }
}

let attaching: Promise<unknown> = Promise.resolve();

/** Mounts, one after the other: which descriptor is whose shows only by what is new. @returns the open `/dev/fuse` */
async function attach(fuse: Fuse, path: string): Promise<number> {
  const before = attaching;
  const attached = before.then(async () => {
    const others = deviceDescriptors();
    await withinInitDeadline(mounted(fuse, path));
    const descriptor = [...deviceDescriptors()].find((one) => !others.has(one));
    if (descriptor === undefined) throw failed(path, 'unmounted before it was ready');
    return descriptor;
  });
  attaching = attached.catch(() => {});
  return attached;
}

function mounted(fuse: Fuse, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fuse.mount((error) => (error ? reject(failed(path, advice(error.message), error)) : resolve()));
  });
}

/** libfuse says why on stderr only, which a daemon has not. */
function advice(message: string): string {
  if (/in use/.test(message)) return 'something is mounted there, and fuse-native does not mount over it';
  return `${message}; --transport dev-fuse says more precisely why, or works`;
}

function failed(path: string, why: string, cause?: unknown): LayerslayerError {
  return new LayerslayerError('MOUNT_FAILED', `mounting on ${path} by fuse-native: ${why}`, { cause });
}
