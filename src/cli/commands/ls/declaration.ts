import type { CommandDeclaration } from '../../command-declaration.js';
import { COMMON_OPTIONS, IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

/** `-l` is the long listing, so `--log-file` has no short form here. */
const { short: _, ...LOG_FILE } = COMMON_OPTIONS['log-file'];

const OPTIONS = {
  long: { kind: 'flag', short: 'l', summary: 'mode, owner, group, size, time (UTC), layer' },
  all: { kind: 'flag', short: 'a', summary: 'also names with a leading dot: the default' },
  recursive: { kind: 'flag', short: 'R', summary: 'everything below, with whole paths' },
  directory: { kind: 'flag', short: 'd', summary: 'directories themselves, not what is in them' },
  sort: {
    kind: 'text',
    value: 'name|size|time',
    choices: ['name', 'size', 'time'],
    summary: 'the order; the largest and the newest come first',
    default: 'name',
  },
  deleted: { kind: 'flag', summary: 'also what upper layers hide or replace, marked' },
  ...VIEW_OPTIONS,
  ...LISTING_OPTIONS,
  ...IMAGE_OPTIONS,
  'log-file': LOG_FILE,
} as const satisfies OptionTable;

export const LS = {
  name: 'ls',
  summary: 'list a directory of the merged tree',
  synopsis: 'ls [OPTIONS] IMAGE [PATH...]',
  description:
    'Lists directories of IMAGE as a container would see them, and files by their names. PATH is / by ' +
    'default; symlinks on its way are followed. A PATH that no layer has is a pattern, as for carve: ' +
    "'/etc/**/*.{conf,d}'.\n" +
    'Names are shown with what a terminal must not get as \\xNN; --json has them as they are, one object a ' +
    'line.',
  options: OPTIONS,
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, names: 'IMAGE [PATH...]' },
  arguments: [{ takes: 'image' }, { takes: 'image-path' }],
  examples: [
    'layerslayer ls -l nginx:alpine /etc/nginx',
    "layerslayer ls -R --json debian:12 | jq -r 'select(.size > 1e6).path'",
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
