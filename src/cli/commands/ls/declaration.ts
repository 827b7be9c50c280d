import type { CommandDeclaration } from '../../command-declaration.js';
import { COMMON_OPTIONS, IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

/** `-l` is the long listing, so `--log-file` has no short form here. */
const { short: _, refusesDoubtful: __, ...LOG_FILE } = COMMON_OPTIONS['log-file'];

const OPTIONS = {
  long: { kind: 'flag', short: 'l', summary: 'layer, mode, owner, group, size, time (UTC)' },
  'numeric-uid-gid': { kind: 'flag', short: 'n', standsFor: 'long', summary: '-l, which has numbers' },
  bytes: { kind: 'flag', summary: 'with -l: exact sizes, in bytes' },
  'human-readable': { kind: 'flag', short: 'h', summary: 'sizes with units: the default' },
  all: { kind: 'flag', short: 'a', summary: 'no effect: names with a leading dot are always shown' },
  'almost-all': { kind: 'flag', short: 'A', standsFor: 'all', summary: '-a: . and .. are never shown' },
  recursive: { kind: 'flag', short: 'R', summary: 'also the directories below, one by one' },
  directory: { kind: 'flag', short: 'd', summary: 'directories themselves, not what is in them' },
  'single-column': { kind: 'flag', short: '1', summary: 'one name a line: the default in a pipe' },
  columns: { kind: 'flag', short: 'C', summary: 'in columns: the default on a terminal' },
  classify: { kind: 'flag', short: 'F', summary: 'add / to directories, * to programs, @ to symlinks' },
  sort: {
    kind: 'text',
    value: 'name|size|time',
    choices: ['name', 'size', 'time'],
    summary: 'the order; the largest and the newest come first',
    default: 'name',
  },
  'by-size': { kind: 'flag', short: 'S', standsFor: 'sort=size', summary: '--sort size' },
  'by-time': { kind: 'flag', short: 't', standsFor: 'sort=time', summary: '--sort time' },
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
    'Lists directories of IMAGE as a container would see them, and files by their names. Names are sorted ' +
    'byte by byte, upper case first, as with LC_ALL=C. PATH is / by default. A PATH that no layer has is a ' +
    "pattern, as bash reads it: '/etc/**/*.{conf,d}'. For a symlink to a directory, ls lists that " +
    'directory. With -l, -d or -F it lists the symlink; write PATH/ for the directory.\n' +
    'With --deleted, PATH may also be what no layer shows any more. With --layer too, ls lists what that ' +
    'layer hides of those below it. Alone, -h is --help.\n' +
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
