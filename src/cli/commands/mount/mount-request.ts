import { resolve } from 'node:path';
import type { MountOptions } from '../../../daemon/daemon-client.js';
import { DEFAULT_TRANSPORT } from '../../../fuse/transport.js';
import { optionsForImage } from '../../../registry/registry-options.js';
import { defaultLogFile, type Surroundings } from '../../../surroundings/default-places.js';
import { canonicalPath, checkOutside } from '../../../surroundings/outside-mountpoint.js';
import { readRegistryOptions } from '../../options/credentials.js';
import { imageChoices } from '../../options/image-choices.js';
import { parseLayer } from '../../options/layer-choice.js';
import type { OptionValues } from '../../options/option-table.js';
import { parseSize } from '../../terminal/wording/size.js';
import type { MOUNT_OPTIONS } from './declaration.js';
import { type KernelChoices, parseMountOptionStrings } from './mount-option-string.js';

/** Bytes of decompressed chunks. The kernel's page cache holds more. */
const DEFAULT_MEMORY = 64 * 1024 ** 2;

export type MountValues = OptionValues<typeof MOUNT_OPTIONS>;

/** What the options alone decide, before the checks of reference and mountpoint. */
export type MountChoices = ReturnType<typeof mountChoices>;

/** Returns the options with those of `-o` added, unless they are given themselves. */
export function mergeMountOptionStrings(values: MountValues): MountValues {
  const { given } = parseMountOptionStrings(values.option);
  const merged: Record<string, unknown> = { ...values };
  for (const [name, value] of Object.entries(given)) merged[name] ||= value;
  return merged as MountValues;
}

/**
 * Checks all options that need no secrets.
 * @param values with the options of `-o` added
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function mountChoices(values: MountValues, context: Surroundings) {
  const { kernel } = parseMountOptionStrings(values.option);
  return {
    values,
    ignored: context.uid === 0 ? [] : rootsOnly(kernel),
    ...imageChoices(values, context),
    memoryBytes: values.memory === undefined ? DEFAULT_MEMORY : parseSize(values.memory),
    ...(values.layer !== undefined && { layer: parseLayer(values.layer) }),
    ...kernel,
    allowOther: values['allow-other'],
    transport: values.transport ?? DEFAULT_TRANSPORT,
    verifyLater: values['verify-later'],
    transformSymlinks: values['transform-symlinks'],
    logFileAsked: values['log-file'] !== undefined,
    logLevel: values.verbose ? 'debug' : 'info',
    foreground: values.foreground,
  } as const;
}

/** fusermount3 ignores these, with a warning that the user does not see. */
function rootsOnly({ suid, devices }: KernelChoices): string[] {
  return [...(suid ? ["setuid (root's only)"] : []), ...(devices ? ["devices (root's only)"] : [])];
}

/** What is mounted, and where. The mountpoint was just checked. */
export type MountPlace = Pick<MountOptions, 'reference' | 'mountpoint' | 'mountpointIdentity'> & {
  localPath: string | undefined; // of an image on this machine
  source: string | undefined; // as in fstab: mount(8) and systemd search for that spelling
};

/** Returns all that the daemon needs. Reads the secrets. */
export function mountOptions(
  choices: MountChoices,
  { localPath, source, ...place }: MountPlace,
  context: Surroundings,
): MountOptions {
  const { values, ignored: _, ...rest } = choices;
  const { mountpoint } = place;
  const logFile =
    values['log-file'] === undefined
      ? defaultLogFile(mountpoint, context)
      : resolve(context.cwd, values['log-file']);
  checkOutside('log file', canonicalPath(logFile), mountpoint);
  checkOutside('cache', canonicalPath(rest.cache.directory), mountpoint);
  if (localPath !== undefined) checkOutside('image', canonicalPath(localPath), mountpoint);
  return {
    ...rest,
    ...place,
    resolvedByStarter: localPath === undefined,
    ...(source !== undefined && { source }),
    mountpointCheckedMs: Date.now(),
    registry: optionsForImage(readRegistryOptions(values, context.cwd), place.reference),
    logFile,
  };
}
