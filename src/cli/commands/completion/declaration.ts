import type { CommandDeclaration } from '../../command-declaration.js';

export const COMPLETION = {
  name: 'completion',
  summary: 'a script that completes the command line in bash, zsh or fish',
  synopsis: 'completion bash|zsh|fish',
  description:
    'Prints a script for bash, zsh or fish that completes commands, options and their values, files, ' +
    'references of cached images, paths in images whose layers are indexed, and mountpoints of this ' +
    'program. It asks the program at each Tab, never the network. For zsh it may also be saved as ' +
    '_layerslayer in a directory of fpath.',
  options: {},
  positionals: { min: 1, max: 1, names: 'bash|zsh|fish' },
  arguments: [{ choices: ['bash', 'zsh', 'fish'] }],
  examples: [
    'source <(layerslayer completion bash)',
    'layerslayer completion fish >~/.config/fish/completions/layerslayer.fish',
  ],
  failures: [],
} as const satisfies CommandDeclaration;
