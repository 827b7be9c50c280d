import type { Command } from '../../command.js';
import { COMMANDS } from '../../command-table.js';
import { bashCompletion } from '../../completion/completion-bash.js';
import { completedCommands } from '../../completion/completion-model.js';
import { zshCompletion } from '../../completion/completion-zsh.js';
import { usageError } from '../../options/usage-error.js';
import { COMPLETION } from './declaration.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion };

export const completion: Command<typeof COMPLETION.options> = {
  ...COMPLETION,
  async run(_options, [shell], { output }) {
    if (shell === undefined || !Object.hasOwn(SHELLS, shell)) {
      throw usageError(`no completion for ${shell}: want bash or zsh`);
    }
    output.result(SHELLS[shell as keyof typeof SHELLS](completedCommands(COMMANDS)));
    return 0;
  },
};
