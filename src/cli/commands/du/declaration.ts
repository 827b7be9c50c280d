import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

const OPTIONS = {
  all: { kind: 'flag', short: 'a', summary: 'also files' },
  depth: { kind: 'text', short: 'd', value: 'N', summary: 'directories this deep only; 0 is PATH itself' },
  sort: {
    kind: 'text',
    value: 'name|size',
    choices: ['name', 'size'],
    summary: 'the order; the largest comes first',
    default: 'name',
  },
  bytes: { kind: 'flag', short: 'b', summary: 'exact sizes in bytes' },
  layers: { kind: 'flag', summary: 'what each layer brings to each directory' },
  hidden: { kind: 'flag', summary: 'what upper layers hide: bytes that the image has for nothing' },
  'fail-above': {
    kind: 'text',
    value: 'SIZE|PERCENT',
    summary: 'status 1 if the total is more: 10MiB, 5% (of all layers, uncompressed)',
  },
  ...VIEW_OPTIONS,
  ...LISTING_OPTIONS,
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const DU = {
  name: 'du',
  summary: 'sizes of directories; what upper layers hide',
  synopsis: 'du [OPTIONS] IMAGE [PATH]',
  description:
    'Shows how many bytes the files below each directory have, each inode once. --hidden shows what upper ' +
    'layers hide, by layer and directory, with the build steps that added and removed it. --fail-above makes ' +
    'it a gate for CI.',
  options: OPTIONS,
  positionals: { min: 1, max: 2, names: 'IMAGE [PATH]' },
  arguments: [{ takes: 'image' }, { takes: 'image-path' }],
  examples: [
    'layerslayer du --depth 2 --sort size nginx:alpine /usr',
    'layerslayer du --hidden --fail-above 5% registry.example/app:1.4',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
