import { resolve } from 'node:path';
import { LayerslayerError } from '../../../base/errors.js';
import { logTo } from '../../../base/log.js';
import { redactedError, redactor } from '../../../base/text/redact.js';
import type { DaemonListener, MountOptions, MountSummary } from '../../../daemon/daemon-client.js';
import { checkMountpoint, checkTransport } from '../../../fuse/mounting/mountpoint.js';
import type { Platform } from '../../../oci/platform.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import { imageArgument, withLocalImageHint } from '../../../surroundings/image-argument.js';
import { checkOutside } from '../../../surroundings/outside-mountpoint.js';
import type { Command, CommandContext } from '../../command.js';
import { otherPlatform } from '../../options/other-platform.js';
import { ProgressDisplay } from '../../terminal/progress/progress.js';
import { mountLine } from '../../terminal/wording/result-line.js';
import { MOUNT } from './declaration.js';
import { type MountChoices, mergeMountOptionStrings, mountChoices, mountOptions } from './mount-request.js';
import { withSwapHint } from './swapped-words.js';

export const mount: Command<typeof MOUNT.options> = {
  ...MOUNT,
  prepare(values, [, directory], { cwd }) {
    const merged = mergeMountOptionStrings(values);
    const logFile = merged['log-file'];
    // The log file is opened before the mountpoint is checked, so it would be in it.
    if (logFile !== undefined) checkOutside('log file', resolve(cwd, logFile), resolve(cwd, directory!));
    return merged;
  },
  async run(values, [image, directory], context) {
    const choices = mountChoices(values, context);
    const { reference, localPath, checked } = await checkWords(image!, directory!, choices, context);
    const { path: mountpoint, identity: mountpointIdentity } = checked;
    await checkTransport(mountpoint, choices);
    for (const option of choices.ignored)
      context.output.note(`warning: -o ${option} is not supported and ignored`);
    const source = context.isMountHelper ? image : undefined;
    const place = { reference, localPath, source, mountpoint, mountpointIdentity };
    const options = mountOptions(choices, place, context);
    return mountByDaemon(image!, options, choices, context);
  },
};

async function checkWords(image: string, directory: string, choices: MountChoices, { cwd }: CommandContext) {
  try {
    const argument = imageArgument(image, cwd);
    return { ...argument, checked: await checkMountpoint(resolve(cwd, directory), choices) };
  } catch (error) {
    throw withSwapHint(error, image, directory, cwd);
  }
}

/** @param word IMAGE as the user wrote it */
async function mountByDaemon(
  word: string,
  options: MountOptions,
  { values }: MountChoices,
  context: CommandContext,
): Promise<number> {
  const daemon = context.daemon();
  const display = new ProgressDisplay(context.output);
  const stopping = new AbortController();
  const stop = () => {
    stopping.abort(new LayerslayerError('ABORTED', 'interrupted'));
    void daemon.stop();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  const redact = redactor(options.registry);
  const listener: DaemonListener = {
    resolved: (layers) => display.resolved(layers),
    progress: (progress) => display.progress(progress),
    notice: (message) => display.notice(redact(message)),
    log: (level, message) => display.log(level, redact(message)),
  };
  // While the daemon starts: a second mount takes a quarter less time (measured).
  const image = options.resolvedByStarter
    ? resolveImage(options, listener, stopping.signal).catch((error: unknown) => {
        throw redactedError(withLocalImageHint(error, word, context.cwd), redact);
      })
    : undefined;
  let summary: MountSummary;
  try {
    summary = await daemon.mount(options, listener, image);
  } catch (error) {
    stopping.abort(error);
    await daemon.stop(); // nothing is left when we return
    throw error;
  } finally {
    display.end();
    for (const signal of signals) process.off(signal, stop);
  }
  display.showWarnings(`in ${summary.log}`);
  const warning = otherPlatform(values.platform === undefined ? undefined : options.platform, {
    reference: summary.image,
    platform: platformOf(summary),
  });
  if (warning !== undefined) display.warn(warning);
  // The same clock as performance.now(), which would load a module of Node: 2 ms (measured).
  const elapsedMs = process.uptime() * 1000 - context.startedMs;
  const { output } = context;
  if (output.choices.json) output.json({ ...summary, elapsedMs: Math.round(elapsedMs) });
  else if (!output.choices.quiet) output.result(mountLine(summary, elapsedMs));
  try {
    await output.settled();
  } catch (error) {
    await daemon.stop(); // a failed command leaves no mount
    throw error;
  }
  if (options.foreground) {
    process.on('SIGHUP', () => {});
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => daemon.terminate());
    await daemon.serve(); // until the mount is unmounted, also by one of these signals
  } else await daemon.release();
  return 0;
}

/** Undoes `formatPlatform`. */
function platformOf({ platform }: MountSummary): Platform {
  const [os = '', architecture = '', variant = ''] = platform.split('/');
  return { os, architecture, ...(variant !== '' && { variant }) };
}

/**
 * Resolves the image in this process. The client is not loaded before the daemon's options are
 * written: loading blocks this process for 30 ms, and the daemon waits for them (measured).
 */
async function resolveImage(
  { reference, platform, registry, cache }: MountOptions,
  listener: DaemonListener,
  signal: AbortSignal,
): Promise<ResolvedImage> {
  const { prepareToResolve, resolveInRegistry } = await import('../../../source/resolve-in-registry.js');
  void prepareToResolve(reference);
  const log = logTo((level, message) => listener.log(level, message));
  const onNotice = (message: string) => listener.notice(message);
  return resolveInRegistry(reference, platform, { registry, cache, log, onNotice, signal });
}
