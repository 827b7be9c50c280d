import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  push: { kind: 'flag', summary: "publish the indexes, in the image's repository or --index-repository" },
  'if-missing': { kind: 'flag', summary: 'make no index that is published there already' },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const INDEX = {
  name: 'index',
  summary: 'make and publish layer indexes, without mounting',
  synopsis: 'index [OPTIONS] IMAGE...|ls IMAGE|rm IMAGE',
  description:
    'Makes the index of each layer of each IMAGE that has none cached, in one pass over the layer. A mount ' +
    'then starts without that pass. - stands for images on stdin, one a line. A fault of one image does ' +
    'not stop the others.\n' +
    '--push publishes the indexes, for machines that mount with --index=any: in the repository of the ' +
    'image, as an artifact that refers to it, or with --index-repository in one of your own, by layer. ' +
    'What is there stays.\n' +
    'ls     lists what is published of IMAGE there\n' +
    'rm     removes it, and nothing else',
  options: OPTIONS,
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, names: 'IMAGE...' },
  arguments: [{ takes: 'image', choices: ['ls', 'rm'] }, { takes: 'image' }],
  examples: [
    'layerslayer index --push --index-repository ghcr.io/team/indexes nginx',
    'sed s,^,example.com/app:, tags | layerslayer index --push --if-missing -',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
