import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { until } from './mounts.js';

/**
 * A step of a prompt takes a moment, a session with a registry longer; a busy machine needs ten
 * times as long.
 */
const SCREEN_DEADLINE_MS = 20_000;

/** After its end, the shell tells how the command has left the terminal. */
const AFTERMATH =
  'echo "status=$? $(stty -a | grep -oE -- "-?(icanon|echo) " | tr -d "\\n")"; exec sleep 600';

/** What a command has left behind, as `AFTERMATH` tells it, and the cursor. */
export interface Left {
  status: number;
  modes: string; // `icanon echo`, with a dash before each that is off
  cursorShown: boolean;
}

/** A command in its own terminal, 80x24 by default: a pane of tmux, whose screen can be read. */
export class Terminal {
  readonly #socket: string;

  /** @param scratch a directory for the terminal's socket */
  constructor(
    scratch: string,
    command: readonly string[],
    options: { cwd: string; env: NodeJS.ProcessEnv; columns?: number; rows?: number },
  ) {
    this.#socket = join(scratch, 'tmux');
    const { cwd, env, columns = 80, rows = 24 } = options;
    const size = ['-x', String(columns), '-y', String(rows)];
    const shell = ['sh', '-c', `trap : INT; "$@"; ${AFTERMATH}`, 'sh', ...command];
    this.#tmux(['-f', '/dev/null', 'new-session', '-d', ...size, '-c', cwd, ...shell], env);
  }

  /** Keys by tmux's names (`Enter`, `Down`, `C-c`). */
  press(...keys: string[]): void {
    this.#tmux(['send-keys', ...keys]);
  }

  type(text: string): void {
    this.#tmux(['send-keys', '-l', text]);
  }

  /** Its lines, without white space at their ends. */
  screen(): string {
    return this.#tmux(['capture-pane', '-p']).trimEnd();
  }

  /** What programs told the terminal to call itself. */
  title(): string {
    return this.#tmux(['display-message', '-p', '#{pane_title}']).trim();
  }

  resize(columns: number, rows: number): void {
    this.#tmux(['resize-window', '-x', String(columns), '-y', String(rows)]);
  }

  /** Whether a full-screen program has the alternate screen. */
  isAlternate(): boolean {
    return this.#tmux(['display-message', '-p', '#{alternate_on}']).trim() === '1';
  }

  /** Waits until the screen shows something. @returns the screen */
  async shows(wanted: RegExp): Promise<string> {
    let screen = '';
    const isThere = () => {
      screen = this.screen();
      if (wanted.test(screen)) return true;
      if (/^status=/m.test(screen)) throw new Error(`the command has ended, without ${wanted}:\n${screen}`);
      return false;
    };
    await until(isThere, SCREEN_DEADLINE_MS, () => `no ${wanted} on this screen:\n${screen}`);
    return screen;
  }

  /** Waits for the command's end. */
  async left(): Promise<Left> {
    const screen = await this.shows(/^status=\d+ .*$/m);
    const [, status, modes = ''] = /^status=(\d+) (.*)$/m.exec(screen)!;
    const cursorShown = this.#tmux(['display-message', '-p', '#{cursor_flag}']).trim() === '1';
    return { status: Number(status), modes: modes.trim(), cursorShown };
  }

  close(): void {
    this.#tmux(['kill-server']);
  }

  #tmux(args: readonly string[], env?: NodeJS.ProcessEnv): string {
    return execFileSync('tmux', ['-S', this.#socket, ...args], { encoding: 'utf8', ...(env && { env }) });
  }
}
