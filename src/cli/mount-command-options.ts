import { IMAGE_OPTIONS } from './image-options.js';
import type { OptionTable } from './option-table.js';

/** A separate module: the top level must know which options take a value. */
export const MOUNT_OPTIONS = {
  foreground: { kind: 'flag', short: 'f', summary: 'stay in the foreground; Ctrl-C unmounts' },
  layer: { kind: 'text', value: 'N|DIGEST', summary: "one layer's own tree instead of the merged one" },
  'allow-other': { kind: 'flag', summary: 'let other users in (needs user_allow_other in /etc/fuse.conf)' },
  transport: {
    kind: 'text',
    value: 'dev-fuse|fuse-native',
    summary: 'how the kernel is served; fuse-native needs libfuse 2, is slower and shows less',
    default: 'dev-fuse on Linux, else fuse-native',
  },
  memory: { kind: 'text', value: 'SIZE', summary: 'cap of decompressed data in memory', default: '64MiB' },
  'transform-symlinks': { kind: 'flag', summary: 'make absolute links relative to the mountpoint' },
  option: {
    kind: 'list',
    short: 'o',
    value: 'OPT[,OPT...]',
    summary:
      'the same in mount(8) form; also setuid, devices, noexec, nonempty, default_permissions, uid=N, gid=N',
  },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;
