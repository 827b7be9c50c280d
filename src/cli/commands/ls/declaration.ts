import type { CommandDeclaration } from '../../command-declaration.js';
import { COMMON_OPTIONS, IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

/** `-l` is the long listing, so `--log-file` has no short form here. */
const { short: _, refusesDigits: __, ...LOG_FILE } = COMMON_OPTIONS['log-file'];

const OPTIONS = {
  long: { kind: 'flag', short: 'l', summary: 'layer, mode, owner, group, size, time (UTC)' },
  all: { kind: 'flag', short: 'a', summary: 'also names with a leading dot: the default' },
  recursive: { kind: 'flag', short: 'R', summary: 'also the directories below, one by one' },
  directory: { kind: 'flag', short: 'd', summary: 'directories themselves, not what is in them' },
  'single-column': { kind: 'flag', short: '1', summary: 'one name a line: the default in a pipe' },
  classify: { kind: 'flag', short: 'F', summary: 'add / to directories, * to programs, @ to symlinks' },
  sort: {
    kind: 'text',
    value: 'name|size|time',
    choices: ['name', 'size', 'time'],
    summary: 'the order; the largest and the newest come first',
    default: 'name',
  },
  'by-size': { kind: 'flag', short: 'S', summary: '--sort size' },
  'by-time': { kind: 'flag', short: 't', summary: '--sort time' },
  reverse: { kind: 'flag', short: 'r', summary: 'the other way round' },
  deleted: { kind: 'flag', summary: 'also what upper layers hide or replace, marked' },
  ...VIEW_OPTIONS,
  ...LISTING_OPTIONS,
  ...IMAGE_OPTIONS,
  'log-file': { ...LOG_FILE, summary: 'also write everything shown to FILE' },
} as const satisfies OptionTable;

export const LS = {
  name: 'ls',
  summary: 'list a directory of the merged tree',
  synopsis: 'ls [OPTIONS] IMAGE [PATH...]',
  description:
    'Lists directories of IMAGE as a container would see them, and files by their names, sorted by bytes. ' +
    'PATH is / by default; a PATH that no layer has is a pattern, as for carve: ' +
    "'/etc/**/*.{conf,d}'. A PATH that is a symlink to a directory lists that directory; with -l, -d and " +
    '-F the symlink itself, unless a slash follows it.\n' +
    'With --deleted, PATH may also be what no layer shows any more.\n' +
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
