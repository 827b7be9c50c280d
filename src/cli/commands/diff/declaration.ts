import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  times: { kind: 'flag', summary: 'modification times count too' },
  'name-only': { kind: 'flag', summary: 'only paths; config and build steps count for the status' },
  stat: { kind: 'flag', summary: 'counts and bytes by directory, two levels deep' },
  content: { kind: 'flag', summary: 'with unified diffs of changed text files up to 1 MiB' },
  layer: {
    kind: 'list',
    value: 'N|DIGEST',
    summary: 'only this layer of both images; given twice: of the first image, of the second',
  },
  ...LISTING_OPTIONS,
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const DIFF = {
  name: 'diff',
  summary: 'what differs between two images',
  synopsis: 'diff [OPTIONS] IMAGE IMAGE [PATH]',
  description:
    'Lists what the second IMAGE has added (+), removed (-) and changed (~): kind, mode, owner, size, ' +
    'contents, link target, device and extended attributes. Config and build steps that differ come ' +
    'first, unless a PATH or a layer is given. PATH is compared with all below it, and is no pattern.\n' +
    'What both images have of one layer is not read. Contents are read only if kind and size are equal. ' +
    'Hard links are compared as the files that they lead to.\n' +
    'The status is 0 if the images are equal, 1 if they differ.',
  options: OPTIONS,
  positionals: { min: 2, max: 3, names: 'IMAGE IMAGE [PATH]' },
  arguments: [{ takes: 'image' }, { takes: 'image' }, { takes: 'image-path' }],
  examples: [
    'layerslayer diff nginx:1.27 nginx:1.28 /etc',
    'layerslayer diff --layer 1 --layer 2 app:latest app:latest',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
  statusOne: 'the images differ',
} as const satisfies CommandDeclaration;
