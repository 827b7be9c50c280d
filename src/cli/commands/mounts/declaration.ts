import type { CommandDeclaration } from '../../command-declaration.js';
import { COMMON_OPTIONS } from '../../options/image-options.js';

export const MOUNTS = {
  name: 'mounts',
  summary: 'what is mounted, with bytes fetched and cache hits',
  synopsis: 'mounts [OPTIONS]',
  description:
    'Lists the mounts of this user (for root: of all users) with the state of their daemons: live, ' +
    'no-answer or dead.',
  options: COMMON_OPTIONS,
  positionals: { min: 0, max: 0, names: '' },
  arguments: [],
  examples: ['layerslayer mounts', "layerslayer mounts --json | jq '.[].mountpoint'"],
  failures: [],
} as const satisfies CommandDeclaration;
