import type { CommandDeclaration } from '../../command-declaration.js';
import { COMMON_OPTIONS, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const { username, insecure, 'password-stdin': password, 'token-file': token } = IMAGE_OPTIONS;

const OPTIONS = {
  username,
  'password-stdin': password,
  'token-file': token,
  insecure,
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

export const TAGS = {
  name: 'tags',
  summary: 'list the tags of a repository',
  synopsis: 'tags [OPTIONS] REPOSITORY',
  description:
    'Lists the tags of REPOSITORY, one a line, in the order of the registry, page by page as they come. Of ' +
    '`oci:DIR`, `oci-archive:FILE` and `docker-archive:FILE` it lists the names of the images there. --json ' +
    'is an array of strings.',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'REPOSITORY' },
  arguments: [{ takes: 'image' }],
  examples: [
    'layerslayer tags ghcr.io/o/r',
    'layerslayer tags ghcr.io/o/r | sed s,^,ghcr.io/o/r:, | layerslayer index -',
  ],
  failures: ['NOT_FOUND', 'UNAUTHORIZED', 'REGISTRY_UNAVAILABLE', 'UNSUPPORTED', 'IO_FAILED'],
} as const satisfies CommandDeclaration;
