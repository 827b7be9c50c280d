import type { CommandDeclaration } from '../../command-declaration.js';
import { COMMON_OPTIONS, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  'cache-dir': { ...IMAGE_OPTIONS['cache-dir'] }, // an option of its own here, in help
  'cache-size': { ...IMAGE_OPTIONS['cache-size'], summary: 'how much `prune` leaves at most' },
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

export const CACHE = {
  name: 'cache',
  summary: 'what is kept on disk; prune, clear, rm',
  synopsis: 'cache [OPTIONS] ls|prune|clear|rm [IMAGE...]',
  description:
    'ls     lists images that were opened, and layers. OWN: the size of the layers that no other image ' +
    'has, SHARED: that of the others\n' +
    'prune  removes what was not used for longest, down to --cache-size; indexes go last\n' +
    'clear  removes everything but the list of indexes that proved wrong; mounts fetch again\n' +
    'rm     removes what only IMAGE... needs, of each platform; what other images need stays',
  options: OPTIONS,
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, names: 'ls|prune|clear|rm [IMAGE...]' },
  arguments: [{ choices: ['ls', 'prune', 'clear', 'rm'] }, { takes: 'image' }],
  examples: ['layerslayer cache prune --cache-size 1GiB', 'layerslayer cache rm nginx:alpine'],
  failures: ['NOT_FOUND', 'IO_FAILED'],
} as const satisfies CommandDeclaration;
