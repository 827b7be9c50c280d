import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  layer: {
    kind: 'text',
    value: 'N|DIGEST',
    warnsIfRepeated: true,
    summary: "one layer's version instead of the merged view's; of several the last counts",
  },
  recursive: { kind: 'flag', short: 'r', summary: 'take directories, with all below them' },
  'output-dir': {
    kind: 'text',
    short: 'o',
    value: 'DIR',
    takes: 'directory',
    summary: "where to write; - is stdout: one file's bytes, or a tar with -r",
    default: './carved',
  },
  force: { kind: 'flag', summary: 'replace files that are there already' },
  verify: { kind: 'flag', summary: 'read each layer to its end and check its digest' },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const CARVE = {
  name: 'carve',
  summary: 'extract single files',
  synopsis: 'carve [OPTIONS] IMAGE PATH...',
  description:
    'Extracts files of IMAGE to ./carved/PATH, with their mode and time. PATH is that of a file as a ' +
    'container would see it. Symlinks and hard links are followed inside the image.\n' +
    "A PATH that no layer has is a pattern, as bash reads them: '/etc/*.conf', '/etc/**/*.{conf,d}' (** " +
    'crosses directories), ? and [a-z]; a backslash escapes the next character.\n' +
    'Layers are searched from the top, and read only as far as needed: if a later entry could still ' +
    'replace the file, stderr says "not verified" (--verify reads on). Layers that are indexed already ' +
    'are not read again.\n' +
    'In a directory, names of one file (hard links) become separate files, and devices and fifos are ' +
    'reported and left out: status 16. A tar has them as they are: -r -o - ... | tar x. So has `cp`.',
  options: OPTIONS,
  positionals: { min: 2, max: Number.POSITIVE_INFINITY, names: 'IMAGE PATH...' },
  arguments: [{ takes: 'image' }, { takes: 'image-path' }],
  examples: [
    'layerslayer carve nginx:alpine /etc/passwd',
    "layerslayer carve -r -o - debian:12 /etc/apt '/etc/*.conf' | tar -tv",
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
