import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtProgram } from '../../setup/programs.js';
import { until, type Workplace } from '../../support/mounts.js';
import { Terminal } from '../../support/terminal.js';

export type ShellName = 'bash' | 'zsh' | 'fish';

/** Each shell with the same prompt, and without this user's settings. */
const COMMANDS: Record<ShellName, string[]> = {
  bash: ['bash', '--norc', '-i'],
  zsh: ['zsh', '-f', '-i'],
  fish: ['fish', '--no-config', '-i'],
};
const SETUPS: Record<ShellName, (script: string) => string> = {
  bash: (script) => `PS1='> '; source ${script}`,
  // By default, Tab in zsh runs command substitutions that were typed: expand-or-complete.
  zsh: (script) =>
    `PS1='> '; autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word; source ${script}`,
  fish: (script) =>
    `function fish_prompt; echo -n '> '; end; function fish_greeting; end; set fish_autosuggestion_enabled 0; source ${script}`,
};

const CLEAR_DEADLINE_MS = 20_000;

export function hasShell(shell: ShellName): boolean {
  try {
    execFileSync(shell, ['-c', 'true']);
    return true;
  } catch {
    return false;
  }
}

/**
 * A shell in a terminal, with the completion that the program prints for it. There, `layerslayer`
 * is a script that shows its arguments, `[a] [b c]`, unless completion asks.
 */
export class ShellSession {
  readonly #terminal: Terminal;

  private constructor(
    private readonly shell: ShellName,
    terminal: Terminal,
  ) {
    this.#terminal = terminal;
  }

  /** @param setup sources the script, and shows `> ` as prompt */
  static async start(
    shell: ShellName,
    place: Workplace,
    cwd: string,
    setup = SETUPS[shell],
  ): Promise<ShellSession> {
    const directory = mkdtempSync(join(place.scratch, shell));
    const script = join(directory, 'completion');
    const printed = await place.layerslayer(['completion', shell]);
    writeFileSync(script, Buffer.from(printed.stdout, 'latin1'));
    const program = join(directory, 'layerslayer');
    writeFileSync(
      program,
      `#!/bin/sh
if [ "$1" = --get-completions ]; then exec ${process.execPath} ${builtProgram()} "$@"; fi
echo "arguments:$(printf ' [%s]' "$@")"
`,
    );
    chmodSync(program, 0o755);
    const env = { ...place.env, PATH: `${directory}:${place.env.PATH}`, TERM: 'screen' };
    const terminal = new Terminal(directory, COMMANDS[shell], { cwd, env, columns: 200, rows: 50 });
    const session = new ShellSession(shell, terminal);
    terminal.type(`${setup(script)}; echo re''ady`);
    terminal.press('Enter');
    await terminal.shows(/^ready$/m);
    await session.#clear();
    return session;
  }

  /** Types, with a Tab where the text has one, and runs the line. @returns the arguments */
  async arguments(typed: string): Promise<string[]> {
    await this.#typeKeys(typed);
    this.#terminal.press('Enter');
    const screen = await this.#terminal.shows(/^arguments:.*$/m);
    await this.#clear();
    const [, text = ''] = /^arguments:(.*)$/m.exec(screen)!;
    return [...text.matchAll(/ \[(.*?)\](?= \[|$)/g)].map(([, argument]) => argument!);
  }

  /** Types, presses Tab until a list is shown, and returns the screen. */
  async list(typed: string, wanted: RegExp): Promise<string> {
    await this.#typeKeys(typed);
    // bash inserts what is common, then beeps, then lists.
    this.#terminal.press('Tab', 'Tab', 'Tab');
    const screen = await this.#terminal.shows(wanted);
    // bash would drop keys that come after C-c.
    if (this.shell === 'fish') this.#terminal.press('C-c');
    await this.#clear();
    return screen;
  }

  /** Types, with a Tab where the text has one, and drops the line. */
  async drop(typed: string): Promise<void> {
    await this.#typeKeys(typed);
    await this.#terminal.shows(/^> layerslayer /m);
    await this.#clear();
  }

  close(): void {
    this.#terminal.close();
  }

  /** Keys that come during a completion are read after it. */
  async #typeKeys(text: string): Promise<void> {
    for (const [i, part] of text.split('\t').entries()) {
      if (i > 0) this.#terminal.press('Tab');
      if (part !== '') this.#terminal.type(part);
    }
  }

  async #clear(): Promise<void> {
    // Repeated: keys may meet a menu, or a shell that is about to print its prompt.
    const isClear = () => {
      if (this.#terminal.screen() === '>') return true;
      this.#terminal.press('C-u', 'C-l');
      return false;
    };
    await until(isClear, CLEAR_DEADLINE_MS, () => `not clear:\n${this.#terminal.screen()}`);
  }
}
