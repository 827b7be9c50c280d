import { resolve } from 'node:path';
import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import {
  DaemonClient,
  type DaemonListener,
  type MountOptions as DaemonOptions,
} from '../../daemon/daemon-client.js';
import { type OurMount, ourMountAt, unmountOurs } from '../../daemon/unmount.js';
import { checkMountpoint, checkTransport } from '../../fuse/mounting/mountpoint.js';
import { DEFAULT_TRANSPORT, TRANSPORT_NAMES } from '../../fuse/transport.js';
import { chooseLayer } from '../../image/choose-layer.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { defaultLogFile } from '../../surroundings/default-places.js';
import { canonicalPath, checkOutside } from '../../surroundings/outside-mountpoint.js';
import type { ImageMount } from '../image.js';
import { processHold } from '../operations/process-hold.js';
import type { LayerProgress, MountOptions, UnmountOptions } from '../options.js';
import { type Choices, invalid, ownSurroundings } from './choices.js';
import type { SessionListener } from './shared-sessions.js';

/** What is mounted. */
export interface MountContext {
  image: ResolvedImage;
  choices: Choices;
  listener: SessionListener;
  onProgress(progress: LayerProgress): void;
}

/** Ids of users and groups are 32 bits. 2^32-1 stands for none. (chown(2)) */
const ID_MAX = 2 ** 32 - 2;

/**
 * Mounts an open image by a daemon, which is not this process: a synchronous call below one's own
 * mountpoint would wait for itself.
 * @throws LayerslayerError INVALID_ARGUMENT, MOUNT_FAILED; what the daemon failed with; the
 *   signal's reason. Leaves no mount then.
 */
export async function mountImage(
  mountpoint: string,
  options: MountOptions,
  context: MountContext,
  signal: AbortSignal,
): Promise<ImageMount> {
  const { image, listener } = context;
  const wanted = await daemonOptions(mountpoint, options, context);
  signal.throwIfAborted();
  const daemon = DaemonClient.start();
  const stop = () => void daemon.stop();
  signal.addEventListener('abort', stop, { once: true });
  const reports: DaemonListener = {
    resolved() {},
    progress: (progress) => context.onProgress(progress),
    notice: (text) => listener('notice', text),
    log: (level, text) => listener(level, text),
  };
  try {
    const summary = await daemon.mount(wanted, reports, Promise.resolve(image));
    const mounted = await ourMountAt(summary.mountpoint);
    signal.throwIfAborted();
    await daemon.release();
    return new DaemonMount(summary, mounted?.device);
  } catch (error) {
    await daemon.stop(); // nothing is left when we throw
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Checks options and mountpoint. */
async function daemonOptions(
  mountpoint: string,
  options: MountOptions,
  { image, choices }: MountContext,
): Promise<DaemonOptions> {
  if (typeof mountpoint !== 'string' || mountpoint === '' || mountpoint.includes('\0'))
    throw invalid('the mountpoint is not a path');
  const { layer, transport = DEFAULT_TRANSPORT, logFile, uid, gid } = options;
  if (!TRANSPORT_NAMES.includes(transport)) throw invalid(`no such transport: ${transport}`);
  checkId('uid', uid);
  checkId('gid', gid);
  if (logFile !== undefined && typeof logFile !== 'string') throw invalid('logFile is not a path');
  const surroundings = ownSurroundings();
  const flags = {
    allowOther: options.allowOther === true,
    suid: options.setuid === true,
    devices: options.devices === true,
    exec: options.noexec !== true,
    defaultPermissions: options.defaultPermissions === true,
    nonempty: options.nonempty === true,
    transformSymlinks: options.transformSymlinks === true,
    verifyLater: options.verifyLater === true,
  };
  const checked = await checkMountpoint(resolve(surroundings.cwd, mountpoint), flags);
  await checkTransport(checked.path, { ...flags, transport });
  const log =
    logFile === undefined ? defaultLogFile(checked.path, surroundings) : resolve(surroundings.cwd, logFile);
  const { reference, platform, registry, cache, memoryBytes, indexTrust, indexRepository } = choices;
  checkOutside('log file', canonicalPath(log), checked.path);
  checkOutside('cache', canonicalPath(cache.directory), checked.path);
  if (choices.localPath !== undefined) checkOutside('image', canonicalPath(choices.localPath), checked.path);
  return {
    ...flags,
    ...{ reference, platform, registry, cache, memoryBytes, indexTrust, indexRepository, transport },
    resolvedByStarter: true,
    mountpoint: checked.path,
    mountpointCheckedMs: Date.now(),
    mountpointIdentity: checked.identity,
    ...(layer !== undefined && { layer: chooseLayer(image, layer) }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    logFile: log,
    logFileAsked: logFile !== undefined,
    logLevel: 'info',
    foreground: false,
  };
}

function checkId(name: string, id: number | undefined): void {
  if (id === undefined || (Number.isInteger(id) && id >= 0 && id <= ID_MAX)) return;
  throw invalid(`${name} is ${id}, want 0 to ${ID_MAX}`);
}

/** `ImageMount` over a daemon. */
class DaemonMount implements ImageMount {
  readonly mountpoint: string;
  readonly pid: number;
  readonly log: string;
  readonly isVerified: boolean;
  readonly #device: string | undefined;

  /** @param device of the mount; undefined: it was unmounted at once */
  constructor(
    summary: { mountpoint: string; pid: number; log: string; verified: boolean },
    device: string | undefined,
  ) {
    this.mountpoint = summary.mountpoint;
    this.pid = summary.pid;
    this.log = summary.log;
    this.isVerified = summary.verified;
    this.#device = device;
  }

  unmount({ lazy = false }: UnmountOptions = {}): Promise<void> {
    return held(async () => {
      const mount = await ourMountAt(this.mountpoint);
      // A later mount may be there by now.
      if (!mount || mount.device !== this.#device) return;
      await unmountOurs(mount, { lazy: lazy === true, pid: this.pid, staysAfter: true });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unmount();
  }
}

/** See `unmount`. */
export function unmountAt(mountpoint: string, { lazy = false }: UnmountOptions): Promise<void> {
  return held(async () => {
    const mount = await mountAt(mountpoint);
    if (!mount) throw new LayerslayerError('UNMOUNT_FAILED', `${mountpoint}: no mount of layerslayer`);
    await unmountOurs(mount, { lazy: lazy === true, staysAfter: true });
  });
}

/** Keeps the process alive during a task. @throws LayerslayerError */
async function held<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await processHold.during(task);
  } catch (error) {
    throw asLayerslayerError(error);
  }
}

async function mountAt(mountpoint: string): Promise<OurMount | undefined> {
  if (typeof mountpoint !== 'string') throw invalid('the mountpoint is not a path');
  return ourMountAt(resolve(mountpoint));
}
