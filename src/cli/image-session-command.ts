import { setTimeout as sleep } from 'node:timers/promises';
import { asLayerslayerError, toErrorRecord } from '../base/errors.js';
import { logTo } from '../base/log.js';
import { redactedError, redactor } from '../base/redact.js';
import type { ImageSession, OperationOptions, SessionOptions } from '../engine/image-session.js';
import { startSession } from '../engine/session.js';
import type { OpenedImage } from '../image/opened-image.js';
import { OpenedImages } from '../image/opened-images.js';
import type { Platform } from '../oci/platform.js';
import type { CommandContext } from './command.js';
import { readRegistryOptions } from './credentials.js';
import { EXIT_STATUS } from './exit-status.js';
import { HeldWarnings } from './held-warnings.js';
import { imageArgument } from './image-argument.js';
import { type ImageValues, imageChoices } from './image-choices.js';
import { Interruption } from './interruption.js';
import type { Output } from './output.js';
import { INDEXING, type ProgressWords } from './progress.js';
import { ProgressDisplay } from './progress-display.js';

/** Threads and connections get this long to end; what hangs then dies with the process. */
const CLOSE_MS = 1_000;

/**
 * Bytes of decompressed windows. Commands read forward, each byte once. Only the read-ahead of a
 * few layers is useful, and `carve` of 50,000 files stays below 200 MiB.
 */
const COMMAND_MEMORY = 16 * 1024 ** 2;

/** A step that was told to stop and does not. */
const STOP_MS = 3_000;

/** What a command works with between the start of its session and its end. */
export interface SessionUse {
  session: ImageSession;
  reference: string; // checked
  platform: Platform;
  /** Opens the image that the command names, and tells `display` how many layers it has. */
  open(): Promise<OpenedImage>;
  signal: AbortSignal; // Ctrl-C, SIGTERM, or (but for `outlivesReader`) nobody reads our output any more
  onProgress: OperationOptions['onProgress']; // of each operation: draws the bars
  display: ProgressDisplay; // results go out by its `result`, which takes the bars away first
  /** Tells of a fault that does not end the work. @returns its exit status: that of the first one is the command's */
  fail(error: unknown): number;
}

export interface SessionCommandOptions {
  words?: ProgressWords; // what the bars say; default: indexing
  /** Inflating threads of the session; default: the number of processors. */
  inflatingThreads?: number;
  /** Results scroll by on the same terminal while layers are read: no bars. */
  hidesProgress?: boolean;
  /** What is printed only tells of files that are written: it goes on when nobody reads that any more. */
  outlivesReader?: boolean;
}

/**
 * Runs a command's work with a session in this process. Options and reference are checked first, then secrets are read, then
 * threads start. However the work ends, the bars are taken away, warnings are shown and the session is closed.
 * @param run gives the exit status
 * @returns that, or that of the signal that ended it (130 for Ctrl-C); 0 when the reader of our output went away
 * @throws LayerslayerError what `run` threw, without secrets
 */
export async function withSession(
  image: string,
  values: ImageValues,
  { output, ...context }: CommandContext,
  run: (use: SessionUse) => Promise<number>,
  options: SessionCommandOptions = {},
): Promise<number> {
  const { platform, cache } = imageChoices(values, context);
  const { reference } = imageArgument(image, context.cwd);
  const registry = readRegistryOptions(values, context.cwd);
  const redact = redactor(registry);

  const interruption = new Interruption();
  const signal = options.outlivesReader
    ? interruption.signal
    : AbortSignal.any([interruption.signal, output.broken]);
  const display = new ProgressDisplay(output, { words: options.words ?? INDEXING });
  const warnings = new HeldWarnings();
  const sessionOptions: SessionOptions = {
    registry,
    cache,
    memoryBytes: COMMAND_MEMORY,
    ...(options.inflatingThreads !== undefined && { inflatingThreads: options.inflatingThreads }),
    log: logTo((level, message) => {
      const text = redact(message);
      if (output.choices.verbose) display.say(`${level}: ${text}`);
      else if (level === 'error' || level === 'warn') warnings.add(text);
    }),
    onNotice: (message) => display.notice(redact(message)),
  };
  const session = startSession(sessionOptions, context.fetchThread);
  const open = async () => {
    const opened = await new OpenedImages(session).open(reference, platform, { signal });
    display.resolved(opened.resolved.manifest.layers.length);
    return opened;
  };
  const onProgress: SessionUse['onProgress'] = options.hidesProgress
    ? undefined
    : (progress) => display.progress(progress);
  const fail = (error: unknown) => {
    const told = redactedError(error, redact);
    display.end();
    output.error(toErrorRecord(told));
    return EXIT_STATUS[told.code];
  };
  try {
    const use: SessionUse = { session, reference, platform, open, signal, onProgress, display, fail };
    return await untilStopped(run(use), signal);
  } catch (error) {
    if (!signal.aborted) throw redactedError(error, redact);
    display.end();
    return endedStatus(output, interruption);
  } finally {
    display.end();
    warnings.show(output, 'with --verbose');
    const closed = session.close().catch(() => {}); // must not hide the command's result
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    interruption.release();
  }
}

/** The work's outcome. When it was told to stop it may still end by itself, for STOP_MS. */
async function untilStopped(work: Promise<number>, signal: AbortSignal): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    const wait = () => {
      timer = setTimeout(() => reject(asLayerslayerError(signal.reason)), STOP_MS);
    };
    if (signal.aborted) wait();
    else signal.addEventListener('abort', wait, { once: true });
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** Of a command that was stopped from outside. */
function endedStatus(output: Output, { status, signal }: Interruption): number {
  // Nobody reads on: that is no failure, as it is none of `cat`. A disk that is full is told by who runs the command.
  if (status === undefined) return 0;
  output.error(toErrorRecord(signal.reason));
  return status;
}
