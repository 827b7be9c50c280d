import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  dockerfile: { kind: 'flag', summary: 'only the build steps, as Dockerfile-like text' },
  raw: { kind: 'flag', summary: 'only the manifest, or the image index, byte for byte' },
  digest: { kind: 'flag', summary: 'only the digest of that' },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const INSPECT = {
  name: 'inspect',
  summary: 'platforms, config, build steps and layers of an image',
  synopsis: 'inspect [OPTIONS] IMAGE',
  description:
    'Shows the manifest and config of IMAGE: the platforms of an image index and which was chosen, how a ' +
    'container of it is run, the build steps (those that made no layer are metadata only) and the layers ' +
    'with their compressed sizes. No layer is fetched. --dockerfile prints what the history remembers of ' +
    'the Dockerfile. --raw and --digest are of what IMAGE names, which may be an image index, and with ' +
    '--platform of its image.',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'IMAGE' },
  arguments: [{ takes: 'image' }],
  examples: [
    'layerslayer inspect nginx:alpine',
    "layerslayer inspect --json --platform arm64 nginx | jq '.layers[].digest'",
  ],
  failures: IMAGE_FAILURES,
} as const satisfies CommandDeclaration;
