import type { CommandDeclaration } from '../../command-declaration.js';

export const COMPLETION = {
  name: 'completion',
  summary: 'a script that completes commands and options in bash or zsh',
  synopsis: 'completion bash|zsh',
  description:
    'Prints a script for bash or zsh that completes commands, options and their values, files, and the ' +
    'mountpoints of this program. For zsh it may also be saved as _layerslayer in a directory of fpath.',
  options: {},
  positionals: { min: 1, max: 1, names: 'bash|zsh' },
  examples: [
    'source <(layerslayer completion bash)',
    'layerslayer completion zsh >~/.zsh/completions/_layerslayer',
  ],
  failures: [],
} as const satisfies CommandDeclaration;
