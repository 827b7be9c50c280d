import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_FAILURES, IMAGE_OPTIONS } from '../../options/image-options.js';
import { LISTING_OPTIONS } from '../../options/listing-options.js';
import type { OptionTable } from '../../options/option-table.js';
import { VIEW_OPTIONS } from '../../options/view-options.js';

const OPTIONS = {
  regex: { kind: 'flag', summary: 'PATTERN is a regular expression (RE2), anywhere in the path' },
  'ignore-case': { kind: 'flag', short: 'i', summary: 'a and A are the same' },
  size: {
    kind: 'text',
    value: 'SIZE',
    mayBeNegative: true,
    summary: 'of files: +10M over, -1k under, 10M..20M with both, 512 exactly',
  },
  mode: { kind: 'text', value: 'BITS', summary: 'any of these bits: u+s, g+s, o+w, 6000' },
  kind: {
    kind: 'text',
    value: 'KIND[,KIND...]',
    summary: 'file, dir, symlink, char, block or fifo',
  },
  newer: {
    kind: 'text',
    value: 'DATE',
    summary: 'changed after DATE: 2026-11-21, 2026-11-21T15:04 (UTC)',
  },
  deleted: { kind: 'flag', summary: 'only what upper layers hide, with the layer that hides it' },
  print0: { kind: 'flag', short: '0', summary: 'only paths, with NUL behind each: for xargs -0' },
  ...VIEW_OPTIONS,
  'no-pager': LISTING_OPTIONS['no-pager'],
  ...IMAGE_OPTIONS,
} as const satisfies OptionTable;

export const FIND = {
  name: 'find',
  summary: 'find names, sizes, modes, deleted files in one or many images',
  synopsis: 'find [OPTIONS] PATTERN [IMAGE...]',
  description:
    'Lists what each IMAGE has, shown or hidden by an upper layer, whose name matches PATTERN, or whose ' +
    "whole path does if PATTERN has a slash: '*.pem', '/etc/**/*.{conf,d}', as for carve. Here wildcards " +
    'match leading dots too. Each line has image, layer, state (live, deleted, overridden) and path.\n' +
    'Without IMAGE, searches all images whose layers are indexed in the cache, and asks no network.',
  options: OPTIONS,
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, names: 'PATTERN [IMAGE...]' },
  arguments: [{}, { takes: 'image' }],
  examples: [
    "layerslayer find 'id_rsa*' nginx:alpine debian:12",
    "layerslayer find --deleted --json '*' nginx:alpine | jq -r .path",
  ],
  failures: [...IMAGE_FAILURES, 'CORRUPT_LAYER'],
  statusOne: 'nothing was found',
} as const satisfies CommandDeclaration;
