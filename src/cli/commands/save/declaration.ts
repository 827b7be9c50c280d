import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  layer: { kind: 'list', value: 'N|DIGEST', summary: 'only this layer; may be repeated' },
  output: {
    kind: 'text',
    short: 'o',
    value: 'PATH',
    takes: 'file',
    summary: 'where to save: a directory; of an archive the file, - is stdout',
    default: './downloads',
  },
  format: {
    kind: 'choice',
    value: 'FORMAT',
    choices: ['docker-archive', 'oci-archive', 'oci'],
    second: { oci: { takes: 'directory' } },
    summary: 'the whole image, as docker-archive, oci-archive or oci [DIR] (a layout)',
  },
  force: { kind: 'flag', summary: 'replace an archive that is there already' },
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const SAVE = {
  name: 'save',
  summary: 'download layers, checked and resumable, or whole images',
  synopsis: 'save [OPTIONS] IMAGE',
  description:
    'Saves the layers of IMAGE as they are to DIR/<repository>/<tag>/sha256_<hex>.tar.gz (.tar, .tar.zst: ' +
    'by their bytes), a few at a time. Each is checked against its digest before it gets that name. One ' +
    'that is there is skipped, and what an interrupted save has left (.partial) is continued.\n' +
    '--format oci makes, or adds the image to, an OCI layout that skopeo and umoci read. DIR is the word ' +
    'after oci, or that of -o.\n' +
    '--format docker-archive writes what docker load, podman load and skopeo take, with plain layers. ' +
    '--format oci-archive writes an OCI layout as a tar. Both go to the file of -o, which appears when it is ' +
    'complete, or to stdout, the default unless that is a terminal. A symlink is followed, a device or a ' +
    'fifo is written to.',
  options: OPTIONS,
  positionals: { min: 1, max: 1, names: 'IMAGE' },
  arguments: [{ takes: 'image' }],
  examples: [
    'layerslayer save --layer 1 --layer 3 nginx:alpine',
    'layerslayer save nginx:alpine --format docker-archive | docker load',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
