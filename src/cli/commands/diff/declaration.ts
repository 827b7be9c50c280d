import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  times: { kind: 'flag', summary: 'modification times count too' },
  'name-only': { kind: 'flag', summary: 'only paths' },
  stat: { kind: 'flag', summary: 'counts and bytes by directory' },
  content: { kind: 'flag', summary: 'a unified diff of text files up to 1 MiB' },
  layer: {
    kind: 'list',
    value: 'N|DIGEST',
    summary: "one layer's own tree of both images; given twice, of each",
  },
  ...LISTING_OPTIONS,
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const DIFF = {
  name: 'diff',
  summary: 'what differs between two images',
  synopsis: 'diff [OPTIONS] IMAGE IMAGE [PATH]',
  description:
    'Lists what the second IMAGE has added, removed and changed: kind, mode, owner, size, link target, ' +
    'extended attributes and contents; then config and build steps. What both take from the same layer is ' +
    'equal without a look, and contents are read only where size and kind are equal.\n' +
    'The status is 0 if they are equal, 1 if they differ.',
  options: OPTIONS,
  positionals: { min: 2, max: 3, names: 'IMAGE IMAGE [PATH]' },
  arguments: [{ takes: 'image' }, { takes: 'image' }, { takes: 'image-path' }],
  examples: [
    'layerslayer diff nginx:1.27 nginx:1.28 /etc',
    'layerslayer diff --stat debian:12.7 debian:12.8',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
