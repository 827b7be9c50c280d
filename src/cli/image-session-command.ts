import { setTimeout as sleep } from 'node:timers/promises';
import { asLayerslayerError, type LayerslayerError, toErrorRecord } from '../base/errors.js';
import { logTo } from '../base/log.js';
import { abortable } from '../base/tasks/abortable.js';
import { redactedError, redactor } from '../base/text/redact.js';
import type { ImageSession, OperationOptions } from '../engine/image-session.js';
import { startSession } from '../engine/session.js';
import type { OpenedImage } from '../image/opened-image.js';
import { OpenedImages } from '../image/opened-images.js';
import type { IndexTrust } from '../index/cached-indexes.js';
import type { Platform } from '../oci/platform.js';
import { optionsForImage, type RegistryOptions } from '../registry/registry-options.js';
import type { ResolvedImage } from '../source/image-source.js';
import { imageArgument, withLocalImageHint } from '../surroundings/image-argument.js';
import type { CommandContext } from './command.js';
import { readRegistryOptions } from './options/credentials.js';
import { type ImageValues, imageChoices } from './options/image-choices.js';
import { otherPlatform } from './options/other-platform.js';
import { EXIT_STATUS } from './process/exit-status.js';
import { Interruption } from './process/interruption.js';
import { ProgressDisplay } from './terminal/progress/progress.js';
import { INDEXING, type ProgressWords } from './terminal/progress/progress-words.js';

/** Time for threads and connections to end. The end of the process ends the rest. */
const CLOSE_MS = 1_000;

/**
 * Bytes of decompressed chunks. Commands read forward, each byte once, so only read-ahead needs
 * room. `carve` of 50,000 files stays below 200 MiB.
 */
const COMMAND_MEMORY = 16 * 1024 ** 2;

/** Time for a command that was stopped to end by itself. */
const STOP_MS = 3_000;

/** What a command works with between the start of its session and its end. */
export interface SessionUse {
  session: ImageSession;
  reference: string; // checked
  platform: Platform;
  /** Finds the command's image, and warns if `--platform` asks for another one. */
  resolve(): Promise<ResolvedImage>;
  /**
   * As `resolve`, and opens it, and passes the number of its layers to `display`.
   * @param indexTrust which layer indexes it may use; default: what the options say
   */
  open(indexTrust?: IndexTrust): Promise<OpenedImage>;
  /**
   * Opens another image of the command, for the same platform. Images of one manifest share their
   * layers and trees. Secrets of the command line are for the registry of its first image only.
   * @param image as it was given; one of `others`
   */
  openOther(image: string): Promise<OpenedImage>;
  signal: AbortSignal; // Ctrl-C, SIGTERM; without `outlivesReader` also the end of our reader
  onProgress: OperationOptions['onProgress']; // of each operation: draws the bars
  display: ProgressDisplay; // for results too: it removes the bars first
  /** Returns an error without secrets, for a command that shows it itself. */
  shown(error: unknown): LayerslayerError;
  /** Reports a fault that does not end the work. @returns its exit status */
  fail(error: unknown): number;
}

export interface SessionCommandOptions {
  words?: ProgressWords; // of the bars; default: indexing
  /** Further images of the command, which are checked with the first. */
  others?: readonly string[];
  /** Inflating threads of the session; default: the number of processors. */
  inflatingThreads?: number;
  /** Reads layers, so an inflate thread is started at once. */
  readsLayers?: boolean;
  /** Draws no bars: results scroll on the same terminal while layers are read. */
  hidesProgress?: boolean;
  /** The command continues without a reader: its results are files. */
  outlivesReader?: boolean;
  /** The options for registries, if the command has read the secrets: stdin has them once. */
  registry?: RegistryOptions;
}

/**
 * Runs a command's work with a session in this process. Checks options and reference first, then
 * reads secrets, then starts threads. At the end removes the bars, shows warnings and closes the
 * session.
 * @param run returns the exit status
 * @returns that, or that of a signal (130 for Ctrl-C); 0 if the reader of our output ended
 * @throws LayerslayerError of `run`, without secrets
 */
export async function withSession(
  image: string,
  values: ImageValues,
  { output, ...context }: CommandContext,
  run: (use: SessionUse) => Promise<number>,
  options: SessionCommandOptions = {},
): Promise<number> {
  const { words = INDEXING, inflatingThreads, readsLayers, hidesProgress, outlivesReader } = options;
  const { platform, cache, indexTrust, indexRepository } = imageChoices(values, context);
  const { reference } = imageArgument(image, context.cwd);
  const others = new Map(
    (options.others ?? []).map((one) => [one, imageArgument(one, context.cwd).reference]),
  );
  const secrets = options.registry ?? readRegistryOptions(values, context.cwd);
  const registry = optionsForImage(secrets, reference);
  const redact = redactor(registry);

  const interruption = new Interruption(() => output.isPaging);
  const stop = interruption.signal;
  const signal = outlivesReader ? stop : AbortSignal.any([stop, output.broken]);
  output.stopWaitingOn(signal);
  const display = new ProgressDisplay(output, { words });
  const session = startSession(
    {
      registry,
      cache,
      indexTrust,
      indexRepository,
      memoryBytes: COMMAND_MEMORY,
      ...(inflatingThreads !== undefined && { inflatingThreads }),
      log: logTo((level, message) => display.log(level, redact(message))),
      onNotice: (message) => display.notice(redact(message)),
    },
    context.fetchThread,
  );
  const images = new OpenedImages(session);
  const find = async (word: string, wanted: string) => {
    try {
      const found = await session.resolve(wanted, platform, signal);
      const warning = otherPlatform(values.platform === undefined ? undefined : platform, found);
      if (warning !== undefined) display.warn(warning);
      return found;
    } catch (error) {
      throw withLocalImageHint(error, word, context.cwd);
    }
  };
  const open = async (word: string, wanted: string, trust?: IndexTrust) => {
    if (readsLayers) session.prepareScan(wanted, platform);
    const resolved = find(word, wanted);
    const opened = await images.open(wanted, platform, { resolved, signal, indexTrust: trust });
    display.resolved(opened.resolved.manifest.layers.length);
    return opened;
  };
  const use: SessionUse = {
    session,
    reference,
    platform,
    resolve: () => find(image, reference),
    open: (trust) => open(image, reference, trust),
    openOther: (word) => open(word, others.get(word)!),
    signal,
    onProgress: hidesProgress ? undefined : (progress) => display.progress(progress),
    display,
    shown: (error) => redactedError(error, redact),
    fail(error) {
      const fault = redactedError(error, redact);
      display.end();
      output.error(toErrorRecord(fault));
      return EXIT_STATUS[fault.code];
    },
  };
  try {
    return await untilStopped(run(use), signal);
  } catch (error) {
    if (!signal.aborted) throw redactedError(error, redact);
    // Without a reader: no failure, as for `cat`. `runCommand` reports a full disk.
    if (interruption.status === undefined) return 0;
    use.fail(stop.reason);
    return interruption.status;
  } finally {
    display.end();
    display.showWarnings('with --verbose');
    const closed = session.close().catch(() => {}); // must not hide the command's result
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    interruption.release();
  }
}

/** Returns the work's outcome. Work that was told to stop may take STOP_MS to end by itself. */
function untilStopped(work: Promise<number>, signal: AbortSignal): Promise<number> {
  const overdue = new AbortController();
  const wait = () => setTimeout(() => overdue.abort(asLayerslayerError(signal.reason)), STOP_MS);
  if (signal.aborted) wait();
  else signal.addEventListener('abort', wait, { once: true });
  return abortable(work, overdue.signal);
}
