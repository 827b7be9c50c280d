import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

const OPTIONS = {
  output: {
    kind: 'text',
    short: 'o',
    value: 'FILE',
    takes: 'file',
    summary: 'where to write; - is stdout, the default unless that is a terminal',
  },
  ...VIEW_OPTIONS,
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const EXPORT = {
  name: 'export',
  summary: 'write the merged tree as a tar',
  synopsis: 'export [OPTIONS] IMAGE',
  description:
    'Writes the files of IMAGE, as a container would see them, as a tar: with owners, times, devices, ' +
    'fifos, hard links and extended attributes.\n' +
    'FILE is written under a temporary name beside it. An older one is replaced when the new one is ' +
    'complete, as `docker export` does. A symlink is followed, a device or a fifo is written to.',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'IMAGE' },
  arguments: [{ takes: 'image' }],
  examples: [
    'layerslayer export nginx:alpine -o nginx.tar',
    'layerslayer export debian:12 | tar -x -C rootfs',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
