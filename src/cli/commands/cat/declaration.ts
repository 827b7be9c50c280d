import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

const OPTIONS = {
  verify: { kind: 'flag', summary: 'read each layer to its end and check its digest' },
  ...VIEW_OPTIONS,
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const CAT = {
  name: 'cat',
  summary: 'write the contents of files to stdout',
  synopsis: 'cat [OPTIONS] IMAGE PATH...',
  description:
    'Writes the contents of files of IMAGE to stdout, one after the other. Symlinks are followed inside the ' +
    'image. A PATH that no layer has is a pattern, as bash reads it.\n' +
    'Layers are searched from the top, and read only as far as needed: if a later entry could still ' +
    'replace the file, stderr says "not verified" (--verify reads on).',
  options: OPTIONS,
  positionals: { min: 2, max: Number.POSITIVE_INFINITY, names: 'IMAGE PATH...' },
  arguments: [{ takes: 'image' }, { takes: 'image-path' }],
  examples: [
    'layerslayer cat nginx:alpine /etc/os-release',
    "layerslayer cat debian:12 '/etc/apt/sources.list.d/*' | grep ^URIs",
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
