import type { Command } from '../command.js';
import { BASH_SCRIPT } from '../completion/bash.js';
import { FISH_SCRIPT } from '../completion/fish.js';
import { ZSH_SCRIPT } from '../completion/zsh.js';
import { usageError } from '../usage-error.js';

const SCRIPTS = { bash: BASH_SCRIPT, zsh: ZSH_SCRIPT, fish: FISH_SCRIPT };

export const completion: Command<Record<string, never>> = {
  name: 'completion',
  summary: 'a script that completes the command line in bash, zsh or fish',
  synopsis: 'completion bash|zsh|fish',
  description:
    'Prints a script for bash, zsh or fish that completes commands, options and their values, files, references of\n' +
    'cached images, paths in images whose layers are indexed, and mountpoints of this program. It asks the program\n' +
    'at each Tab, never the network. For zsh it may also be saved as _layerslayer in a directory of fpath, for fish\n' +
    'as ~/.config/fish/completions/layerslayer.fish.',
  options: {},
  positionals: { min: 1, max: 1, names: 'bash|zsh|fish', each: [{ choices: Object.keys(SCRIPTS) }] },
  examples: [
    'source <(layerslayer completion bash)',
    'layerslayer completion fish >~/.config/fish/completions/layerslayer.fish',
  ],
  failures: [],
  async run(_options, [shell], { output }) {
    if (shell === undefined || !Object.hasOwn(SCRIPTS, shell)) {
      throw usageError(`no completion for ${shell}: want bash, zsh or fish`);
    }
    output.result(SCRIPTS[shell as keyof typeof SCRIPTS]);
    return 0;
  },
};
