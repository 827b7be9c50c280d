import type { CommandDeclaration } from '../../command-declaration.js';
import { COMMON_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  all: { kind: 'flag', short: 'a', summary: 'every mount of this user (for root: of all users)' },
  lazy: { kind: 'flag', summary: 'detach a busy mount; it ends when its last file is closed' },
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

export const UNMOUNT = {
  name: 'unmount',
  aliases: ['umount'],
  summary: 'unmount, and wait until it is gone (alias: umount)',
  synopsis: 'unmount [OPTIONS] MOUNTPOINT...',
  description:
    'Unmounts images that layerslayer mounted, and nothing else; also what a killed daemon left behind. ' +
    'Returns when the mount is gone and its daemon has ended.',
  options: OPTIONS,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, names: 'MOUNTPOINT...' },
  arguments: [{ takes: 'mountpoint' }],
  examples: ['layerslayer unmount /mnt/img', 'layerslayer unmount --all --lazy'],
  failures: ['UNMOUNT_FAILED', 'IO_FAILED'],
} as const satisfies CommandDeclaration;
