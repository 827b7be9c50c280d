import { closeSync } from 'node:fs';
import { promisify } from 'node:util';
import type Fuse from 'fuse-native';
import { isMissingModule, LayerslayerError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { LayerFs } from '../../fs/layer-fs.js';
import { AttachedMount, attachedDevice } from '../attached-mount.js';
import { withinInitDeadline } from '../deadline.js';
import { FaultLog } from '../fault-log.js';
import type { KernelMount } from '../mounting/kernel-mount.js';
import { checkedMountpoint, ownKernelMount } from '../mounting/mountpoint.js';
import type { MountedFs, Transport, TransportOptions } from '../transport.js';
import { deviceClosed, deviceDescriptors, mountGone } from './device-descriptors.js';
import { checkFuseNative, failedByFuseNative } from './fuse-native-check.js';
import { fuseNativeOptions } from './fuse-native-options.js';
import { PathOperations } from './path-operations.js';
import { findUnnameable } from './unnameable.js';

/** Serves the kernel by libfuse 2. Its threads wait until this one answers, by path. */
export class FuseNativeTransport implements Transport {
  async mount(fs: LayerFs, mountpoint: string, options: TransportOptions): Promise<MountedFs> {
    const { log } = options;
    const kernelMount = await ownKernelMount();
    const { path } = await checkedMountpoint(mountpoint, options);
    const FuseNative = await checkFuseNative(path);
    warnOfUnnameable(fs, log);
    const operations = new PathOperations(fs, new FaultLog(log));
    const fuse = new FuseNative(path, operations, fuseNativeOptions(options));
    fuse._op_getxattr = (reply, of, name, into) =>
      operations.getxattr(of, name, into, (result) => reply(result, into.buffer));
    fuse._op_listxattr = (reply, of, into) =>
      operations.listxattr(of, into, (result) => reply(result, into.buffer));
    const descriptor = await attach(fuse, path, kernelMount, options);
    // libfuse closes the device when the kernel has no more requests, without a notification.
    const ended = deviceClosed(descriptor);
    const device = await attachedDevice(path);
    // It does so when each of its threads has its answer, also for requests of ended processes.
    const abortReads = () => operations.abortReads();
    void Promise.race([ended, mountGone(device)]).then(abortReads);
    const mounted = new AttachedMount(path, device, ended, kernelMount, log, abortReads);
    await mounted.raiseReadAhead();
    return mounted;
  }
}

/** Mounts one after the other: only a new descriptor shows which mount it belongs to. */
let attaching: Promise<unknown> = Promise.resolve();

/** @returns libfuse's open `/dev/fuse` */
function attach(
  fuse: Fuse,
  path: string,
  kernelMount: KernelMount,
  options: TransportOptions,
): Promise<number> {
  const attached = attaching.then(async () => {
    const others = deviceDescriptors();
    try {
      await withinInitDeadline(promisify(fuse.mount).call(fuse));
    } catch (error) {
      if (error instanceof LayerslayerError) {
        await kernelMount.detach(path, 'forcibly'); // mounted, but the kernel does not send INIT
        throw error;
      }
      await refusal(path, kernelMount, options);
      throw failedByFuseNative(path, (error as Error).message, error);
    }
    const descriptor = [...deviceDescriptors()].find((one) => !others.has(one));
    if (descriptor === undefined) throw failedByFuseNative(path, 'unmounted before it was ready');
    return descriptor;
  });
  attaching = attached.catch(() => {});
  return attached;
}

/**
 * Throws the reason of a failed mount. libfuse prints it to stderr only, which a daemon has not. So
 * the system's own tools are asked to mount the same way, and report the reason.
 * @throws LayerslayerError MOUNT_FAILED, unless they succeed
 */
async function refusal(path: string, kernelMount: KernelMount, options: TransportOptions): Promise<void> {
  let descriptor: number;
  try {
    descriptor = await kernelMount.attach({ path }, options);
  } catch (error) {
    // Without koffi, which fuse-native does not need, fusermount3 can't be called.
    if (isMissingModule((error as Error).cause)) return;
    throw error;
  }
  await kernelMount.detach(path, 'lazily');
  closeSync(descriptor);
}

function warnOfUnnameable(fs: LayerFs, log: Log): void {
  const found = findUnnameable(fs);
  if (found === undefined) return;
  const what = [
    ...(found.names > 0 ? [`names that are not UTF-8: ${found.names}, not shown`] : []),
    ...(found.targets > 0 ? [`links to such: ${found.targets}, not readable`] : []),
  ].join('; ');
  log.warn(`${what} (the first is ${found.example}); --transport dev-fuse shows all`);
}
