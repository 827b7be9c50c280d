import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fsPath, textOfBytes } from '../base/raw-text.js';
import type { MountOptions } from '../daemon/daemon-client.js';
import { TRANSPORT_NAMES, type TransportName } from '../fuse/transport.js';
import type { CommandContext } from './command.js';
import { readRegistryOptions } from './credentials.js';
import { DEFAULT_MEMORY, imageChoices } from './image-choices.js';
import { parseLayer } from './layer-choice.js';
import { logDirectory, logFileName } from './log-path.js';
import type { MOUNT_OPTIONS } from './mount-command-options.js';
import { type KernelChoices, parseMountOptionStrings } from './mount-option-string.js';
import type { OptionValues } from './option-table.js';
import { parseSize } from './size.js';
import { usageError } from './usage-error.js';

export type MountValues = OptionValues<typeof MOUNT_OPTIONS>;

/** What comes of the options alone, before reference and mountpoint are looked at and secrets are read. */
export type MountChoices = Omit<
  MountOptions,
  | 'reference'
  | 'resolvedByStarter'
  | 'mountpointCheckedMs'
  | 'mountpointIdentity'
  | 'source'
  | 'mountpoint'
  | 'registry'
  | 'logFile'
> & {
  values: MountValues; // with what `-o` says merged in
  unheeded: string[]; // options of `-o` that are understood and not done
};

/** What `-o` says joins what the other options say; the latter are the more explicit ones and count. */
export function mergeMountOptionStrings(values: MountValues): MountValues {
  const { given } = parseMountOptionStrings(values.option);
  const merged: Record<string, unknown> = { ...values };
  for (const [name, value] of Object.entries(given)) merged[name] ||= value;
  return merged as MountValues;
}

/** Checks every option that can be checked without reading secrets. @throws LayerslayerError INVALID_ARGUMENT */
export function mountChoices(
  values: MountValues,
  context: Pick<CommandContext, 'env' | 'cwd' | 'uid'>,
): MountChoices {
  const { kernel } = parseMountOptionStrings(values.option);
  return {
    values,
    unheeded: context.uid === 0 ? [] : rootsOnly(kernel),
    ...imageChoices(values, context),
    memoryBytes: values.memory === undefined ? DEFAULT_MEMORY : parseSize(values.memory),
    ...(values.layer !== undefined && { layer: parseLayer(values.layer) }),
    ...kernel,
    allowOther: values['allow-other'],
    transport: parseTransport(values.transport),
    transformSymlinks: values['transform-symlinks'],
    logFileAsked: values['log-file'] !== undefined,
    logLevel: values.verbose ? 'debug' : 'info',
    foreground: values.foreground,
  };
}

/** Elsewhere than on Linux FUSE is a library, and no device with a protocol of its own. */
const DEFAULT_TRANSPORT: TransportName = process.platform === 'linux' ? 'dev-fuse' : 'fuse-native';

function parseTransport(text: string | undefined): TransportName {
  if (text === undefined) return DEFAULT_TRANSPORT;
  const name = TRANSPORT_NAMES.find((known) => known === text);
  if (name === undefined)
    throw usageError(`no such transport: ${text}: want ${TRANSPORT_NAMES.join(' or ')}`);
  return name;
}

/** fusermount3 leaves these out, with a warning that only its starter sees. */
function rootsOnly({ suid, devices }: KernelChoices): string[] {
  return [...(suid ? ['setuid'] : []), ...(devices ? ['devices'] : [])].map(
    (name) => `${name} (root's only)`,
  );
}

/** What is mounted, and where. */
export interface MountPlace {
  reference: string; // canonical
  localPath: string | undefined; // of an image on this machine
  /** As it stands in fstab: mount(8) and systemd find the mount again by that spelling. */
  source: string | undefined;
  mountpoint: string; // absolute, free of symlinks, and just checked
  mountpointIdentity?: string | undefined; // identity of the checked directory
}

/** The whole order for the daemon; reads the secrets. */
export function mountOptions(
  choices: MountChoices,
  { reference, localPath, source, mountpoint, mountpointIdentity }: MountPlace,
  context: Pick<CommandContext, 'env' | 'cwd' | 'uid'>,
): MountOptions {
  const { values, unheeded: _, ...rest } = choices;
  const logFile =
    values['log-file'] === undefined
      ? join(logDirectory(context.env, context.uid), logFileName(mountpoint))
      : resolve(context.cwd, values['log-file']);
  checkOutside('log file', canonicalPath(logFile), mountpoint);
  checkOutside('cache', canonicalPath(rest.cache.directory), mountpoint);
  if (localPath !== undefined) checkOutside('image', canonicalPath(localPath), mountpoint);
  return {
    ...rest,
    reference,
    resolvedByStarter: localPath === undefined,
    ...(source !== undefined && { source }),
    mountpoint,
    mountpointCheckedMs: Date.now(),
    ...(mountpointIdentity !== undefined && { mountpointIdentity }),
    registry: readRegistryOptions(values, context.cwd),
    logFile,
  };
}

/** A FUSE server that opens files of its own mount waits for itself. @throws LayerslayerError INVALID_ARGUMENT */
export function checkOutside(what: string, path: string, mountpoint: string): void {
  if (path === mountpoint || path.startsWith(join(mountpoint, '/'))) {
    throw usageError(`the ${what} ${path} lies below the mountpoint ${mountpoint}`);
  }
}

/** Without symlinks, as far as the path is there. */
function canonicalPath(path: string): string {
  try {
    return textOfBytes(realpathSync(fsPath(path), 'buffer'));
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(canonicalPath(parent), basename(path));
  }
}
