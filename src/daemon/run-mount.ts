import { setTimeout as sleep } from 'node:timers/promises';
import { abortable } from '../base/abortable.js';
import { asLayerslayerError, LayerslayerError, withContext } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { checkSpareFiles, tightLimits } from '../base/process-limits.js';
import type { ImageSession, LayerProgress } from '../engine/image-session.js';
import type { MountedFs } from '../fuse/transport.js';
import { chooseLayer } from '../image/choose-layer.js';
import type { OpenedLayer } from '../image/opened-image.js';
import { OpenedImages } from '../image/opened-images.js';
import { formatPlatform } from '../oci/platform.js';
import type { ResolvedImage } from '../source/image-source.js';
import { CountedFs } from './counted-fs.js';
import type { MountOptions, MountSummary } from './mount-options.js';
import type { MountPorts } from './mount-ports.js';
import { DirectoryAhead } from './status/directory-ahead.js';
import type { LiveStatus } from './status/live-status.js';
import { openOwnStatusDirectory, sweepStatusSockets } from './status/status-directory.js';
import { type StatusService, serveStatus } from './status/status-server.js';

/** Threads and connections get this long to end; what hangs then dies with the process. */
const CLOSE_MS = 1_000;

/** Delay of the sweep of dead status sockets: the first answers of a mount come before it. */
const SWEEP_MS = 1_000;

/** After a lazy unmount files may stay open for ever; their readers get this long. */
const LAZY_CLOSE_MS = 3_000;

export interface MountReports {
  resolved(layers: number): void;
  progress(progress: LayerProgress): void;
  notice(message: string): void;
  ready(summary: MountSummary): void;
}

/** How a mount ended. `detached`: files of it are still open, the kernel may still wait for answers. */
export type MountEnd = 'unmounted' | 'detached';

/**
 * The life of one mount: resolve, open the layers, merge, mount, serve until it is unmounted or `stop` is aborted.
 * Leaves no mount behind, however it ends.
 * @param known what the reference stands for, when somebody else finds out
 * @throws LayerslayerError whatever kept it from being ready; ABORTED when stopped before
 */
export async function runMount(
  options: MountOptions,
  known: Promise<ResolvedImage> | undefined,
  ports: MountPorts,
  reports: MountReports,
  log: Log,
  stop: AbortSignal,
): Promise<MountEnd> {
  const session = ports.startSession({
    registry: options.registry,
    cache: options.cache,
    memoryBytes: options.memoryBytes,
    log,
    onNotice: (message) => reports.notice(message),
  });
  // Opened while the image is resolved: a second mount waits for each step after mounting.
  const statusDirectory = new DirectoryAhead(() => openOwnStatusDirectory(process.geteuid?.() ?? 0));
  try {
    const { reference, platform } = options;
    session.preload(reference, platform, options.layer);
    const opened = await new OpenedImages(session).open(reference, platform, {
      resolved: known,
      signal: stop,
    });
    const image = opened.resolved;
    const only = options.layer === undefined ? undefined : [chooseLayer(image, options.layer)];
    reports.resolved(only?.length ?? image.manifest.layers.length);
    log.info(`${image.reference} is ${image.digest} for ${formatPlatform(image.platform)}`);
    const which = { only, signal: stop, onProgress: (one: LayerProgress) => reports.progress(one) };
    const layers = await opened.layers(which);
    stop.throwIfAborted();
    const fs = new CountedFs(await ports.buildFs(opened, which, options, log));
    stop.throwIfAborted();
    const limits = tightLimits();
    if (limits !== undefined) await prepareReads(session, stop, limits);
    const transport = await ports.transport(options.transport);
    const mounted = await transport.mount(fs, options.mountpoint, {
      source: options.source ?? image.reference,
      allowOther: options.allowOther,
      suid: options.suid,
      devices: options.devices,
      exec: options.exec,
      defaultPermissions: options.defaultPermissions,
      nonempty: options.nonempty,
      checkedMs: options.mountpointCheckedMs,
      checkedIdentity: options.mountpointIdentity,
      log,
    });
    return await serveMount({
      ...{ options, ports, reports, log, stop, session, image, layers, fs, statusDirectory, mounted },
    });
  } finally {
    statusDirectory.discard();
    // A failed close must not hide the result.
    const closed = session.close().catch((error: Error) => log.info(`closing: ${error.message}`));
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
  }
}

/**
 * Starts what reads need before the mount reports success. Otherwise the first read could fail with
 * EIO.
 * @throws LayerslayerError MOUNT_FAILED if the limits of this process are too low
 */
async function prepareReads(session: ImageSession, stop: AbortSignal, limits: string): Promise<void> {
  try {
    await abortable(session.prepareReads(), stop);
    checkSpareFiles();
  } catch (error) {
    const { code, message } = asLayerslayerError(error);
    if (code === 'ABORTED') throw error;
    throw new LayerslayerError('MOUNT_FAILED', `reads would fail: ${limits}: ${message}`, {
      cause: error,
    });
  }
}

interface Served {
  options: MountOptions;
  ports: MountPorts;
  reports: MountReports;
  log: Log;
  stop: AbortSignal;
  session: ImageSession;
  image: ResolvedImage;
  layers: readonly OpenedLayer[];
  fs: CountedFs;
  statusDirectory: DirectoryAhead;
  mounted: MountedFs;
}

async function serveMount(served: Served): Promise<MountEnd> {
  const { options, log, stop, mounted } = served;
  let status: StatusService | undefined;
  try {
    status = await announce(served);
  } catch (error) {
    await unmountSomehow(mounted, log);
    throw withContext(error, `mounted on ${options.mountpoint}, but not usable`);
  }
  try {
    const ended = await Promise.race([mounted.closed.then(() => 'closed'), aborted(stop)]);
    if (ended === 'closed') {
      log.info(`${options.mountpoint} was unmounted`);
      return 'unmounted';
    }
    log.info(`stopping: unmounting ${options.mountpoint}`);
    return await unmountSomehow(mounted, log);
  } finally {
    // The socket's directory may be on a file system that hangs by now.
    await Promise.race([status?.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  }
}

/** @returns undefined if the mount works without a status socket */
async function announce(served: Served): Promise<StatusService | undefined> {
  const { options, ports, reports, log, session, image, layers, fs } = served;
  const device = await ports.deviceOf(options.mountpoint);
  const summary: MountSummary = {
    image: image.reference,
    digest: image.digest,
    platform: formatPlatform(image.platform),
    layers: layers.length,
    entries: layers.reduce((sum, { layer }) => sum + layer.entries.length, 0),
    mountpoint: options.mountpoint,
    pid: process.pid,
    log: options.logFile,
    bytesFetched: session.metrics().bytesFetched,
  };
  const since = new Date().toISOString();
  const status = (): LiveStatus => ({
    mountpoint: summary.mountpoint,
    image: summary.image,
    digest: summary.digest,
    platform: summary.platform,
    pid: summary.pid,
    log: summary.log,
    since,
    ...session.metrics(),
    bytesServed: fs.bytesServed,
  });
  let service: StatusService | undefined;
  try {
    if (device === undefined) throw new Error('the mount is gone');
    service = await serveStatus(device, status, served.statusDirectory.open);
  } catch (error) {
    const why = (error as Error).message;
    log.warn(
      `cannot create a status socket: ${why}; mounts will list ${options.mountpoint} as "does not answer"`,
    );
  }
  log.info(
    `mounted ${summary.image}@${summary.digest} on ${summary.mountpoint} (${options.transport}, device ${device})`,
  );
  reports.ready(summary);
  setTimeout(() => void sweepStatusSockets(process.geteuid?.() ?? 0), SWEEP_MS).unref();
  return service;
}

/** Unmounts, lazily when it is busy, and waits a while for its readers to go. */
async function unmountSomehow(mounted: MountedFs, log: Log): Promise<MountEnd> {
  try {
    await mounted.unmount({ lazy: false });
  } catch (error) {
    log.warn(`unmounting lazily: ${(error as Error).message}`);
    try {
      await mounted.unmount({ lazy: true });
    } catch (again) {
      // Unmounted by somebody else in between, or gone for good: either way nothing is left to do here.
      log.error(`unmounting lazily: ${(again as Error).message}`);
    }
  }
  const waited = new AbortController();
  const end = await Promise.race([
    mounted.closed.then((): MountEnd => 'unmounted'),
    sleep(LAZY_CLOSE_MS, 'detached' as MountEnd, { signal: waited.signal }).catch((): MountEnd => 'detached'),
  ]);
  waited.abort();
  return end;
}

function aborted(signal: AbortSignal): Promise<'stopped'> {
  if (signal.aborted) return Promise.resolve('stopped');
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve('stopped'), { once: true }));
}

/** What a stop is aborted with: the reader of the error sees why. */
export function stopReason(why: string): LayerslayerError {
  return new LayerslayerError('ABORTED', why);
}
