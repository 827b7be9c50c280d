import type { OptionSpec, OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import { MOUNT_OPTIONS } from './declaration.js';

/** Choices that only `-o` offers. */
export interface KernelChoices {
  suid: boolean;
  devices: boolean;
  exec: boolean; // programs may be run; mount(8)'s `user` forbids it
  nonempty: boolean;
  defaultPermissions: boolean; // the image's modes apply to the mounting user too
  uid?: number;
  gid?: number;
}

const KERNEL_WORDS: Readonly<Record<string, Partial<KernelChoices>>> = {
  setuid: { suid: true },
  nosuid: { suid: false },
  devices: { devices: true },
  nodev: { devices: false },
  exec: { exec: true },
  noexec: { exec: false },
  nonempty: { nonempty: true },
  default_permissions: { defaultPermissions: true },
};

/**
 * Options of mount(8), fstab and systemd that have no meaning here, or are set anyway (`ro`).
 * mount(8) adds `dev` and `suid` to each call, so users request those with `devices` and `setuid`.
 */
const IGNORED = new Set(
  (
    'rw,ro,dev,suid,_netdev,auto,noauto,nofail,user,users,nouser,owner,group,defaults,async,sync,' +
    'atime,noatime,relatime,norelatime,strictatime,diratime,nodiratime,lazytime,nolazytime'
  ).split(','),
);

/** With or without a value: `x-systemd.automount`, `x-gvfs-name=a`, `comment=b`. */
const IGNORED_PREFIX = /^(x-|X-|comment=)/;

/** The largest id of the kernel. 2^32-1 means that no id was given. */
const ID_MAX = 2 ** 32 - 2;

/** Long options that make no sense within `-o`. */
const NOT_WITHIN = new Set(['option', 'password-stdin']);

/**
 * Parses `-o a,b=c`, all occurrences in order: the last of two contrary options counts. A comma
 * within a value is written `\,` (as libfuse parses it). Underscores and dashes in names are the
 * same (`allow_other`).
 * @returns options of `mount` as if they were given by their long name, and the rest
 * @throws LayerslayerError INVALID_ARGUMENT for an unknown option or a bad value
 */
export function parseMountOptionStrings(lists: readonly string[]): {
  given: Partial<OptionValues<typeof MOUNT_OPTIONS>>;
  kernel: KernelChoices;
} {
  const kernel: KernelChoices = {
    suid: false,
    devices: false,
    exec: true,
    nonempty: false,
    defaultPermissions: false,
  };
  const given: Record<string, string | boolean> = {};
  for (const item of lists.flatMap(splitItems)) {
    if (IGNORED.has(item) || IGNORED_PREFIX.test(item)) continue;
    if (readKernelChoice(item, kernel)) continue;
    const equals = item.indexOf('=');
    const name = (equals === -1 ? item : item.slice(0, equals)).replaceAll('_', '-');
    const spec: OptionSpec | undefined = new Map(Object.entries(MOUNT_OPTIONS)).get(name);
    if (!spec || NOT_WITHIN.has(name)) throw usageError(`unknown mount option: -o ${item}`);
    const value = equals === -1 ? undefined : item.slice(equals + 1);
    if (spec.kind === 'flag') {
      if (value !== undefined) throw usageError(`mount option ${name} takes no value: -o ${item}`);
      given[name] = true;
    } else {
      if (!value) throw usageError(`mount option ${name} wants a value: -o ${name}=${spec.value}`);
      given[name] = value;
    }
  }
  return { given, kernel };
}

function splitItems(list: string): string[] {
  const items = list.match(/(?:\\.|[^,\\])+/gs) ?? [];
  return items.map((item) => item.replace(/\\(.)/gs, '$1').trim()).filter((item) => item !== '');
}

function readKernelChoice(item: string, kernel: KernelChoices): boolean {
  if (Object.hasOwn(KERNEL_WORDS, item)) {
    Object.assign(kernel, KERNEL_WORDS[item]);
    return true;
  }
  const id = /^(uid|gid)=(.*)$/s.exec(item);
  if (!id) return false;
  const number = /^\d{1,10}$/.test(id[2]!) ? Number(id[2]) : Number.NaN;
  if (!(number <= ID_MAX)) throw usageError(`not a ${id[1]}: -o ${item}: want 0 to ${ID_MAX}`);
  kernel[id[1] as 'uid' | 'gid'] = number;
  return true;
}
