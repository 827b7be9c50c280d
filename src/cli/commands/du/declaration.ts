import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

const OPTIONS = {
  all: { kind: 'flag', short: 'a', summary: 'also files' },
  depth: {
    kind: 'text',
    short: 'd',
    value: 'N',
    summary: 'only paths this deep; 0 is PATH itself',
    default: 'all; with --hidden only sums by layer',
  },
  'max-depth': { kind: 'text', value: 'N', standsFor: 'depth', summary: '--depth N' },
  summarize: { kind: 'flag', short: 's', standsFor: 'depth=0', summary: 'only PATH itself: --depth 0' },
  sort: {
    kind: 'text',
    value: 'name|size',
    choices: ['name', 'size'],
    summary: 'the order: of size, the largest first and PATH itself last',
    default: 'name',
  },
  bytes: { kind: 'flag', short: 'b', summary: 'exact sizes in bytes, as lines of `du -b`' },
  'human-readable': { kind: 'flag', short: 'h', summary: 'sizes with units: the default' },
  layers: { kind: 'flag', summary: 'what each layer brings to each directory' },
  hidden: { kind: 'flag', summary: 'what upper layers hide: bytes that the image has for nothing' },
  'fail-above': {
    kind: 'text',
    value: 'SIZE|PERCENT',
    summary: 'status 1 if the total is more: 10MiB, or 5% of the files in all layers, uncompressed',
  },
  ...VIEW_OPTIONS,
  'no-pager': LISTING_OPTIONS['no-pager'],
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const DU = {
  name: 'du',
  summary: 'sizes of directories; what upper layers hide',
  synopsis: 'du [OPTIONS] IMAGE [PATH...]',
  description:
    'Shows how many bytes the files at and below each directory have. A file with several names counts ' +
    'once. Directories have no size of their own here, unlike in `du -b`. --fail-above makes it a gate for ' +
    'CI.\n' +
    '--hidden shows what upper layers delete or replace, which the image carries for nothing: sums by ' +
    'layer, with the build steps that added and removed it. With -a or --depth it shows the paths too, each ' +
    'once for every layer that has something there. PATH may be a deleted one, and --layer chooses whose ' +
    'files count.\n' +
    'A PATH that no layer has is a pattern. Alone, -h is --help.',
  options: OPTIONS,
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, names: 'IMAGE [PATH...]' },
  arguments: [{ takes: 'image' }, { takes: 'image-path' }],
  examples: [
    'layerslayer du --depth 2 --sort size nginx:alpine /usr',
    'layerslayer du --hidden --fail-above 5% registry.example/app:1.4',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
  statusOne: 'the total is above the limit of --fail-above',
} as const satisfies CommandDeclaration;
