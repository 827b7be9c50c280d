import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

const OPTIONS = {
  archive: { kind: 'flag', short: 'a', summary: 'keep owner and group too, which needs root' },
  'follow-link': { kind: 'flag', short: 'L', summary: 'copy what PATH leads to, if it is a symlink' },
  force: { kind: 'flag', summary: 'replace files that are there already' },
  ...VIEW_OPTIONS,
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const CP = {
  name: 'cp',
  summary: 'copy a file or a directory out',
  synopsis: 'cp [OPTIONS] IMAGE PATH DEST',
  description:
    'Copies a file or a directory of IMAGE to this machine, as `docker cp` does. DEST is a directory that ' +
    'exists, or the new name. PATH/. is what is in a directory. With DEST - a tar goes to stdout. A DEST ' +
    'that is a symlink is followed. To a device or a fifo, such as /dev/stdout, a file is written.\n' +
    'A symlink PATH is copied as it is, unless -L or a slash behind it follows it. PATH is no pattern.\n' +
    'Modes, times, extended attributes, symlinks and hard links are kept. Files belong to the caller, with ' +
    '-a to the owner in the image. A directory that is there keeps its own attributes. Nothing is replaced ' +
    'without --force.\n' +
    'What can not be copied, such as a device without root, is reported, and the rest is copied. All ' +
    'layers are indexed first: `carve` reads less for a single file.',
  options: OPTIONS,
  positionals: { min: 3, max: 3, names: 'IMAGE PATH DEST' },
  arguments: [{ takes: 'image' }, { takes: 'image-path' }, { takes: 'file' }],
  examples: [
    'layerslayer cp nginx:alpine /etc/nginx ./nginx',
    'layerslayer cp debian:12 /etc/apt - | tar -tv',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
