import type { Command } from '../../command.js';
import { BASH_SCRIPT } from '../../completion/bash.js';
import { FISH_SCRIPT } from '../../completion/fish.js';
import { ZSH_SCRIPT } from '../../completion/zsh.js';
import { usageError } from '../../options/usage-error.js';
import { COMPLETION } from './declaration.js';

const SCRIPTS = { bash: BASH_SCRIPT, zsh: ZSH_SCRIPT, fish: FISH_SCRIPT };

export const completion: Command<typeof COMPLETION.options> = {
  ...COMPLETION,
  async run(_options, [shell], { output }) {
    if (shell === undefined || !Object.hasOwn(SCRIPTS, shell)) {
      throw usageError(`no completion for ${shell}: want bash, zsh or fish`);
    }
    output.result(SCRIPTS[shell as keyof typeof SCRIPTS]);
    return 0;
  },
};
