import type { CommandDeclaration } from '../../command-declaration.js';
import { COMMON_OPTIONS, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  'cache-dir': { ...IMAGE_OPTIONS['cache-dir'] }, // an option of its own here, in help
  'cache-size': { ...IMAGE_OPTIONS['cache-size'], summary: 'what `prune` leaves at most, the cap else' },
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

export const CACHE = {
  name: 'cache',
  summary: 'what is kept on disk; prune, clear',
  synopsis: 'cache [OPTIONS] ls|prune|clear',
  description:
    'ls     lists images that were opened, what is kept of layers, and how much there is in all\n' +
    'prune  removes what was not used for longest, indexes last, down to --cache-size\n' +
    'clear  removes all but the notes of refuted indexes; mounts fetch again',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'ls|prune|clear' },
  arguments: [{ choices: ['ls', 'prune', 'clear'] }],
  examples: ['layerslayer cache ls', 'layerslayer cache prune --cache-size 1GiB'],
  failures: ['IO_FAILED'],
} as const satisfies CommandDeclaration;
