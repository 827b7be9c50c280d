import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_OPTIONS } from '../../options/image-options.js';

export const INTERACTIVE = {
  name: 'interactive',
  summary: 'step through an image: platform, build steps, layers, and what to do with them',
  synopsis: 'interactive [OPTIONS] [IMAGE]',
  description:
    'Asks, with arrow keys, for the image, its platform (of several) and the layers that matter, shows ' +
    'config and build steps on the way, and then does what is chosen, as often as wanted: browse, peek, ' +
    'carve, save, mount, inspect. browse walks through the tree on the whole terminal: directories unfold, ' +
    '/ searches names and paths, s sorts by size, h shows what upper layers hide, Enter views a file as text ' +
    'or hex, c carves, ? lists all keys. The others are run as the command of that name, which is shown.\n' +
    'Esc and Ctrl-D leave, Ctrl-C interrupts. No arguments at all, on a terminal, mean this. Questions go to stderr, ' +
    'results to stdout.',
  options: IMAGE_OPTIONS,
  positionals: { min: 0, max: 1, names: '[IMAGE]' },
  arguments: [{ takes: 'image' }],
  examples: [
    'layerslayer interactive nginx:alpine',
    'layerslayer interactive --platform linux/arm64 debian:12',
  ],
  failures: ['IO_FAILED'],
} as const satisfies CommandDeclaration;
