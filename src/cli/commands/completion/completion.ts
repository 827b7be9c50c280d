import type { Command } from '../../command.js';
import { bashCompletion } from '../../completion/completion-bash.js';
import { completedCommands } from '../../completion/completion-model.js';
import { zshCompletion } from '../../completion/completion-zsh.js';
import { usageError } from '../../options/usage-error.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion };

export const completion: Command<Record<string, never>> = {
  name: 'completion',
  summary: 'a script that completes commands and options in bash or zsh',
  synopsis: 'completion bash|zsh',
  description:
    'Prints a script for bash or zsh that completes commands, options and their values, files, and the mountpoints of\n' +
    'this program. For zsh it may also be saved as _layerslayer in a directory of fpath.',
  options: {},
  positionals: { min: 1, max: 1, names: 'bash|zsh' },
  examples: [
    'source <(layerslayer completion bash)',
    'layerslayer completion zsh >~/.local/share/zsh/site-functions/_layerslayer',
  ],
  failures: [],
  async run(_options, [shell], { output, allCommands }) {
    if (shell === undefined || !Object.hasOwn(SHELLS, shell)) {
      throw usageError(`no completion for ${shell}: want bash or zsh`);
    }
    output.result(SHELLS[shell as keyof typeof SHELLS](completedCommands(await allCommands())));
    return 0;
  },
};
