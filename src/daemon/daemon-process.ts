import { asLayerslayerError, LayerslayerError, toErrorRecord } from '../base/errors.js';
import { LOG_LEVELS, type Log, type LogLevel, logTo } from '../base/log.js';
import { formatLogLine, LogFile } from '../base/log-file.js';
import { redactedError, redactor } from '../base/text/redact.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { FromDaemon, MountOptions, ToDaemon } from './daemon-protocol.js';
import type { MountPorts } from './mount-ports.js';
import { type MountEnd, runMount } from './run-mount.js';

/** From the first SIGTERM to the end of the process, whatever hangs. */
const STOP_MS = 4_500;

/** As long as a timer can be: it is there, not meant to fire. */
const KEEP_ALIVE_MS = 2 ** 31 - 1;

/** Runs this process as a mount daemon: takes options from its starter, mounts, serves. */
export function runDaemonProcess(ports: MountPorts): void {
  // The starter is gone since our modules loaded. That event is not repeated.
  if (!process.connected) process.exit(0);
  const stop = new AbortController();
  const stopFor = (why: string) => {
    if (stop.signal.aborted) return;
    stop.abort(new LayerslayerError('ABORTED', why));
    setTimeout(killMyself, STOP_MS).unref();
  };
  process.on('SIGHUP', () => {});
  process.on('SIGTERM', () => stopFor('stopped by SIGTERM'));
  process.on('SIGINT', () => stopFor('stopped by SIGINT'));

  let isStarted = false;
  let isAlone = false; // the starter may end
  let setImage: (image: ResolvedImage) => void = () => {};
  const image = new Promise<ResolvedImage>((resolve) => {
    setImage = resolve;
  });
  process.on('disconnect', () => {
    if (!isStarted) process.exit(0);
    if (!isAlone) stopFor('the process that started the mount went away');
  });
  process.on('message', (message: ToDaemon) => {
    if (message.type === 'accepted') {
      isAlone = true;
      process.disconnect();
    } else if (message.type === 'image') {
      setImage(message.image);
    } else if (!isStarted) {
      isStarted = true;
      void tell({ type: 'started' });
      const { options } = message;
      void live(options, options.resolvedByStarter ? image : undefined, ports, stop.signal, stopFor);
    }
  });
}

async function live(
  options: MountOptions,
  image: Promise<ResolvedImage> | undefined,
  ports: MountPorts,
  stop: AbortSignal,
  stopFor: (why: string) => void,
): Promise<void> {
  const redact = redactor(options.registry);
  let file: LogFile | undefined;
  const log = logTo((level, message) => {
    const text = redact(message);
    if (isShown(level, options.logLevel)) file?.write(formatLogLine(level, text));
    // Debug lines come by the thousand: they cross to the starter only when it asked for them.
    if (isShown(level, options.logLevel === 'debug' ? 'debug' : 'warn'))
      void tell({ type: 'log', level, message: text });
  });
  let crash: unknown;
  const onUncaught = (error: unknown) => {
    crash ??= error;
    const { message, stack } = asLayerslayerError(error);
    log.error(`uncaught error: ${message}`);
    log.info(stack ?? '');
    stopFor('an uncaught fault');
  };
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);

  // Neither the status socket nor a transport promises to keep the event loop alive.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS);

  let end: MountEnd = 'unmounted';
  let failure: LayerslayerError | undefined;
  try {
    file = openLog(options, log);
    const notice = (message: string) => {
      log.info(message);
      void tell({ type: 'notice', message: redact(message) });
    };
    end = await runMount(options, image, ports, { tell, notice, log }, stop);
  } catch (error) {
    // An aborted step may fail with an error of its own making; that it was stopped is what counts.
    failure = asLayerslayerError(stop.aborted ? stop.reason : error);
    log.info(`ended: ${failure.code}: ${failure.message}`);
  }
  if (crash !== undefined) failure = asLayerslayerError(crash);
  const error = failure && toErrorRecord(redactedError(failure, redact));
  await tell({ type: 'ended', error });
  if (end === 'detached') log.info('ending under processes that still have files of it open');
  file?.close();
  clearInterval(alive);
  // A pending read of /dev/fuse would keep exit() from returning: libuv joins its threads.
  if (end === 'detached') killMyself();
  process.exit(failure ? 1 : 0);
}

/**
 * @throws LayerslayerError IO_FAILED only for a file of the user's choice; a mount works without a
 *   log
 */
function openLog(options: MountOptions, log: Log): LogFile | undefined {
  try {
    return new LogFile(options.logFile, { ours: !options.logFileAsked });
  } catch (error) {
    if (options.logFileAsked) throw error;
    log.warn(`no log is kept: ${(error as Error).message}`);
    return undefined;
  }
}

function isShown(level: LogLevel, threshold: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(threshold);
}

/** Resolves when the message is sent, or the starter is gone. */
function tell(message: FromDaemon): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || !process.send) return resolve();
    process.send(message, undefined, undefined, () => resolve());
  });
}

/** Nothing is lost: log lines are written synchronously, and cache files renamed when complete. */
function killMyself(): void {
  process.kill(process.pid, 'SIGKILL');
}
