import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  layer: { kind: 'list', value: 'N|DIGEST', summary: 'only this layer; may be repeated' },
  output: {
    kind: 'text',
    short: 'o',
    value: 'DIR',
    takes: 'directory',
    summary: 'where to save',
    default: './downloads',
  },
  format: {
    kind: 'pair',
    value: 'oci DIR',
    choices: ['oci'],
    takes: 'directory',
    summary: 'the whole image, into an OCI layout',
  },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const SAVE = {
  name: 'save',
  summary: 'download layers, checked and resumable',
  synopsis: 'save [OPTIONS] IMAGE',
  description:
    'Saves the layers of IMAGE as they are to DIR/<repository>/<tag>/sha256_<hex>.tar.gz (.tar, .tar.zst: ' +
    'by their bytes), a few at a time. Each is checked against its digest before it gets that name. One ' +
    'that is there is skipped, and what an interrupted save has left (.partial) is continued.\n' +
    '--format oci makes, or adds the image to, an OCI layout that skopeo and umoci read.',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'IMAGE' },
  arguments: [{ takes: 'image' }],
  examples: [
    'layerslayer save --layer 1 --layer 3 nginx:alpine',
    'layerslayer save nginx:alpine --format oci nginx',
  ],
  failures: IMAGE_FAILURES,
} as const satisfies CommandDeclaration;
