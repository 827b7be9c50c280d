import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';

const OPTIONS = {
  layer: { kind: 'list', value: 'N|DIGEST', summary: 'only this layer; may be repeated' },
  simple: { kind: 'flag', summary: 'one name a line with its size' },
  merged: { kind: 'flag', summary: 'the merged tree, with the layer that each entry comes from' },
  deleted: { kind: 'flag', summary: 'what upper layers hide or replace, and how' },
  head: { kind: 'text', value: 'SIZE', summary: 'read only the first bytes of each layer' },
  depth: { kind: 'text', value: 'N', summary: 'paths of at most N names' },
  sort: {
    kind: 'text',
    value: 'size',
    choices: ['size'],
    summary: 'the largest files of a layer first; shown when all are known',
  },
  'no-pager': LISTING_OPTIONS['no-pager'],
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const PEEK = {
  name: 'peek',
  summary: 'list what each layer holds, without saving it',
  synopsis: 'peek [OPTIONS] IMAGE [PATH...]',
  description:
    'Lists what the layers of IMAGE hold, base first, each entry as soon as it comes: type and ' +
    'permissions, owner, group, size, time (UTC), name. With PATH only what is there and below; a PATH ' +
    "that no layer has is a pattern ('/etc/**/*.{conf,d}'). A layer is read once, then its index is " +
    'cached.\n' +
    'Names are shown with what a terminal must not get as \\xNN; --json has them as they are.',
  options: OPTIONS,
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, names: 'IMAGE [PATH...]' },
  arguments: [{ takes: 'image' }, { takes: 'image-path' }],
  examples: [
    'layerslayer peek nginx:alpine',
    'layerslayer peek --deleted --json debian:12 | jq -r \'.how + " " + .path\'',
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
} as const satisfies CommandDeclaration;
