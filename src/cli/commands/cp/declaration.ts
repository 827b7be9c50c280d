import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

const OPTIONS = {
  archive: { kind: 'flag', short: 'a', summary: 'keep owner and group too, as root' },
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
    'exists, or the new name. PATH/. is what is in a directory. With DEST - a tar goes to stdout.\n' +
    'Modes, times, extended attributes, symlinks and hard links are kept. Nothing is replaced without ' +
    '--force.',
  options: OPTIONS,
  positionals: { min: 3, max: 3, names: 'IMAGE PATH DEST' },
  arguments: [{ takes: 'image' }, { takes: 'image-path' }, { takes: 'file' }],
  examples: [
    'layerslayer cp nginx:alpine /etc/nginx ./nginx',
    'layerslayer cp debian:12 /etc/apt - | tar -tv',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
