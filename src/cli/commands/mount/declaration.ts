import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

export const MOUNT_OPTIONS = {
  foreground: { kind: 'flag', short: 'f', summary: 'stay in the foreground; Ctrl-C unmounts' },
  layer: {
    kind: 'text',
    value: 'N|DIGEST',
    warnsIfRepeated: true,
    summary: "one layer's own tree instead of the merged one; of several the last counts",
  },
  'allow-other': { kind: 'flag', summary: 'let other users in (needs user_allow_other in /etc/fuse.conf)' },
  transport: {
    kind: 'text',
    value: 'dev-fuse|fuse-native',
    choices: ['dev-fuse', 'fuse-native'],
    summary: 'how the kernel is served; fuse-native needs libfuse 2, is slower and shows less',
    default: 'dev-fuse',
  },
  memory: { kind: 'text', value: 'SIZE', summary: 'cap of decompressed data in memory', default: '64MiB' },
  'verify-later': {
    kind: 'flag',
    summary: 'after mounting, read layers whole that are shown by an index made by others, and compare',
  },
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

export const MOUNT = {
  name: 'mount',
  summary: 'mount an image, read-only; returns when it is usable',
  synopsis: 'mount [OPTIONS] IMAGE MOUNTPOINT',
  description:
    'Mounts IMAGE (nginx:alpine, ghcr.io/o/r@sha256:..., localhost:5000/x) on the directory MOUNTPOINT, ' +
    'read-only, without pulling it: file contents are fetched when they are read. Returns when the mount ' +
    'is usable, and says so in one line. Its entries are those of all layers, before they are merged. ' +
    'Afterwards faults are in its log, in $XDG_STATE_HOME/layerslayer (~/.local/state/layerslayer).\n' +
    'Images on this machine: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME].',
  options: MOUNT_OPTIONS,
  positionals: { min: 2, max: 2, names: 'IMAGE MOUNTPOINT' },
  arguments: [{ takes: 'image' }, { takes: 'directory' }],
  examples: [
    'layerslayer mount nginx:alpine /mnt/img',
    'layerslayer mount --platform arm64 --layer 1 -o uid=1000 debian:12 ~/base',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER', 'MOUNT_FAILED'],
} as const satisfies CommandDeclaration;
