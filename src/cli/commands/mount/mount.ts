import { resolve } from 'node:path';
import { LayerslayerError } from '../../../base/errors.js';
import { logTo } from '../../../base/log.js';
import { redactedError, redactor } from '../../../base/text/redact.js';
import type { DaemonListener, MountOptions, MountSummary } from '../../../daemon/daemon-client.js';
import { checkMountpoint, checkTransport } from '../../../fuse/mounting/mountpoint.js';
import type { Command, CommandContext } from '../../command.js';
import { imageArgument } from '../../options/image-argument.js';
import { ProgressDisplay } from '../../terminal/progress.js';
import { mountLine } from '../../terminal/result-line.js';
import { MOUNT } from './declaration.js';
import { checkOutside, mergeMountOptionStrings, mountChoices, mountOptions } from './mount-request.js';

type RegistryResolver = typeof import('../../../source/resolve-in-registry.js');

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
    const { reference, localPath } = imageArgument(image!, context.cwd);
    // Its modules load while the mountpoint is checked.
    const resolver = localPath === undefined ? loadResolver() : undefined;
    const checked = await checkMountpoint(resolve(context.cwd, directory!), choices);
    const { path: mountpoint, identity: mountpointIdentity } = checked;
    await checkTransport(mountpoint, choices);
    for (const option of choices.ignored)
      context.output.note(`warning: -o ${option} is not supported and ignored`);
    const source = context.isMountHelper ? image : undefined;
    const place = { reference, localPath, source, mountpoint, mountpointIdentity };
    const options = mountOptions(choices, place, context);
    return mountByDaemon(options, context, resolver);
  },
};

async function loadResolver(): Promise<RegistryResolver> {
  const resolver = await import('../../../source/resolve-in-registry.js');
  resolver.prepareToResolve();
  return resolver;
}

async function mountByDaemon(
  options: MountOptions,
  context: CommandContext,
  resolver: Promise<RegistryResolver> | undefined,
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
  const image = resolver?.then(({ resolveInRegistry }) =>
    resolveInRegistry(options.reference, options.platform, {
      registry: options.registry,
      cache: options.cache,
      log: logTo((level, message) => listener.log(level, message)),
      onNotice: (message) => listener.notice(message),
      signal: stopping.signal,
    }).catch((error: unknown) => {
      throw redactedError(error, redact);
    }),
  );
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
  const elapsedMs = performance.now() - context.startedMs;
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
