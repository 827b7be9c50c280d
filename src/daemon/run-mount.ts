import { setTimeout as sleep } from 'node:timers/promises';
import { asLayerslayerError, LayerslayerError, withContext } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { checkSpareFiles, tightLimits } from '../base/process/process-limits.js';
import type { SocketDirectory } from '../base/socket-directory.js';
import { abortable } from '../base/tasks/abortable.js';
import type { ImageSession, LayerProgress } from '../engine/image-session.js';
import type { MountedFs } from '../fuse/transport.js';
import { chooseLayer } from '../image/choose-layer.js';
import type { OpenedLayer } from '../image/opened-image.js';
import { OpenedImages } from '../image/opened-images.js';
import { formatPlatform } from '../oci/platform.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { FromDaemon, MountOptions, MountSummary } from './daemon-protocol.js';
import { LaterComparison } from './later-comparison.js';
import type { MountPorts } from './mount-ports.js';
import { DirectoryAhead } from './status/directory-ahead.js';
import type { LiveStatus } from './status/status-client.js';
import { openOwnStatusDirectory, sweepStatusSockets } from './status/status-directory.js';
import { type StatusService, serveStatus } from './status/status-server.js';

/** Threads and connections get this long to end; what hangs then dies with the process. */
const CLOSE_MS = 1_000;

/** Delay of the sweep of dead status sockets: the first answers of a mount come before it. */
const SWEEP_MS = 1_000;

/** After a lazy unmount, files may stay open without end. Their readers get this long. */
const LAZY_CLOSE_MS = 3_000;

/** Where a mount reports. */
interface MountReports {
  tell(message: FromDaemon): void; // to the starter
  notice(message: string): void; // to the user
  log: Log;
}

/** How a mount ended. `detached`: files of it are open, the kernel may still wait for answers. */
export type MountEnd = 'unmounted' | 'detached';

/**
 * Resolves, opens the layers, merges, mounts, and serves until the mount is unmounted or `stop` is
 * aborted. Leaves no mount behind.
 * @param known the resolved image, if the starter resolves it
 * @throws LayerslayerError if the mount does not become ready; ABORTED if stopped before
 */
export async function runMount(
  options: MountOptions,
  known: Promise<ResolvedImage> | undefined,
  ports: MountPorts,
  reports: MountReports,
  stop: AbortSignal,
): Promise<MountEnd> {
  const { log } = reports;
  const session = ports.startSession({
    registry: options.registry,
    cache: options.cache,
    indexTrust: options.indexTrust,
    indexRepository: options.indexRepository,
    memoryBytes: options.memoryBytes,
    log,
    onNotice: reports.notice,
  });
  // Opened while the image is resolved: a second mount waits for each step after mounting.
  const statusDirectory = new DirectoryAhead(openOwnStatusDirectory);
  try {
    const { reference, platform } = options;
    session.preload(reference, platform, options.layer);
    const opened = await new OpenedImages(session).open(reference, platform, {
      resolved: known,
      signal: stop,
    });
    const image = opened.resolved;
    const only = options.layer === undefined ? undefined : [chooseLayer(image, options.layer)];
    reports.tell({ type: 'resolved', layers: only?.length ?? image.manifest.layers.length });
    log.info(`${image.reference} is ${image.digest} for ${formatPlatform(image.platform)}`);
    const onProgress = (progress: LayerProgress) => reports.tell({ type: 'progress', progress });
    const which = { only, signal: stop, onProgress };
    const layers = await opened.layers(which);
    stop.throwIfAborted();
    const fs = await ports.buildFs(opened, which, options, log);
    stop.throwIfAborted();
    const limits = tightLimits();
    if (limits !== undefined) await prepareReads(session, stop, limits);
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
      ...foreignLayers(layers),
    };
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
    const since = new Date().toISOString();
    const comparison = new LaterComparison();
    const status = () => {
      const { layersByTable: _, layersByIndex: __, ...known } = summary;
      const verified = summary.verified || comparison.state === 'done';
      const counters = { ...session.metrics(), bytesServed: fs.bytesServed };
      return { ...known, since, ...counters, verified, verification: comparison.state };
    };
    const openStatus = statusDirectory.open;
    const onReady = () => {
      if (!options.verifyLater || summary.verified) return;
      // What was read before must not stay readable.
      const onRefuted = (layer: number) => void mounted.forgetContents?.(fs.filesOf(layer));
      comparison.start({ session, image, layers, onRefuted, log });
    };
    const served = { options, ports, reports, stop, mounted, summary, status, openStatus, onReady };
    return await serveMount(served).finally(() => comparison.stop());
  } finally {
    statusDirectory.discard();
    // A failed close must not hide the result.
    const closed = session.close().catch((error: Error) => log.info(`closing: ${error.message}`));
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
  }
}

/** Counts the layers whose indexes were not compared with them. */
function foreignLayers(layers: readonly OpenedLayer[]) {
  const foreign = layers.filter(({ layer }) => layer.origin.kind !== 'own');
  const layersByTable = foreign.filter(({ layer }) => layer.origin.kind === 'table').length;
  const layersByIndex = foreign.length - layersByTable;
  return { verified: foreign.length === 0, layersByTable, layersByIndex };
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
  stop: AbortSignal;
  mounted: MountedFs;
  summary: MountSummary;
  status(): LiveStatus;
  openStatus(): Promise<SocketDirectory>;
  onReady(): void;
}

async function serveMount(served: Served): Promise<MountEnd> {
  const { stop, mounted } = served;
  const { log } = served.reports;
  const { mountpoint } = served.options;
  let status: StatusService | undefined;
  try {
    status = await announce(served);
  } catch (error) {
    await unmountSomehow(mounted, log);
    throw withContext(error, `mounted on ${mountpoint}, but not usable`);
  }
  try {
    const closed = mounted.closed.then(() => false);
    const isStopped = await abortable(closed, stop).catch(() => true);
    log.info(isStopped ? `stopping: unmounting ${mountpoint}` : `${mountpoint} was unmounted`);
    return isStopped ? await unmountSomehow(mounted, log) : 'unmounted';
  } finally {
    // The socket's directory may be on a file system that hangs by now.
    await Promise.race([status?.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  }
}

/** @returns undefined if the mount works without a status socket */
async function announce(served: Served): Promise<StatusService | undefined> {
  const { options, ports, reports, summary } = served;
  const { log } = reports;
  const device = await ports.deviceOf(options.mountpoint);
  let service: StatusService | undefined;
  try {
    if (device === undefined) throw new Error('the mount is gone');
    service = await serveStatus(device, served.status, served.openStatus);
  } catch (error) {
    const why = (error as Error).message;
    log.warn(
      `cannot create a status socket: ${why}; mounts will list ${options.mountpoint} as "does not answer"`,
    );
  }
  log.info(
    `mounted ${summary.image}@${summary.digest} on ${summary.mountpoint} (${options.transport}, device ${device})`,
  );
  reports.tell({ type: 'ready', summary });
  served.onReady();
  setTimeout(() => void sweepStatusSockets(process.geteuid?.() ?? 0), SWEEP_MS).unref();
  return service;
}

/** Unmounts, lazily if the mount is busy, and waits a while for its readers. */
async function unmountSomehow(mounted: MountedFs, log: Log): Promise<MountEnd> {
  try {
    await mounted.unmount({ lazy: false });
  } catch (error) {
    log.warn(`unmounting lazily: ${(error as Error).message}`);
    try {
      await mounted.unmount({ lazy: true });
    } catch (again) {
      // Another process unmounted it.
      log.error(`unmounting lazily: ${(again as Error).message}`);
    }
  }
  const unmounted = mounted.closed.then((): MountEnd => 'unmounted');
  return Promise.race([unmounted, sleep(LAZY_CLOSE_MS, 'detached' as const, { ref: false })]);
}
