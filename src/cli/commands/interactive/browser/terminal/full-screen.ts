import type { TextSink } from '../../../../terminal/output/output.js';
import { type Key, KeyDecoder } from './key-decoder.js';
import type { LineStyle, ScreenLine, ScreenSize } from './screen-line.js';

/** The keyboard of a terminal: stdin. */
export type Keyboard = Pick<NodeJS.ReadStream, 'on' | 'off' | 'resume' | 'pause' | 'setRawMode'>;

/** Time for the rest of a key that begins with Esc: terminals send a key at once. */
const ESCAPE_MS = 40;

/** Alternate screen, no cursor, no wrapping: the width of some characters is not certain. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';

/** SGR (ECMA-48): no colours, which a user may not want or see. */
const STYLES: Readonly<Record<LineStyle, string>> = {
  plain: '',
  cursor: '\x1b[7m',
  title: '\x1b[1m',
  faint: '\x1b[2m',
};

export interface FullScreenEvents {
  key(key: Key): void;
  /** The size has changed, or the terminal is ours again. */
  resized(): void;
  /** The terminal is gone. */
  lost(): void;
}

/**
 * Takes a terminal for full screens: raw keys, the alternate screen. Whatever ends the process,
 * the terminal is as it was: `leave`, a fault that nothing catches, `process.exit`. Ctrl-Z returns
 * the terminal while the process is suspended.
 */
export class FullScreen {
  readonly #decoder = new KeyDecoder();
  #escapeTimer: NodeJS.Timeout | undefined;
  #isEntered = false;
  #drawn: readonly ScreenLine[] = [];

  constructor(
    private readonly terminal: TextSink,
    private readonly keyboard: Keyboard,
    private readonly events: FullScreenEvents,
  ) {}

  get size(): ScreenSize {
    const { columns, rows } = this.terminal;
    return { columns: Math.max(1, columns), rows: Math.max(1, rows) };
  }

  enter(): void {
    process.on('exit', this.#restore);
    // Before the fault is printed, which would vanish with the alternate screen.
    process.on('uncaughtExceptionMonitor', this.#restore);
    process.on('SIGWINCH', this.#redraw);
    process.on('SIGTSTP', this.#suspend);
    process.on('SIGCONT', this.#resume);
    this.keyboard.on('data', this.#receive);
    this.keyboard.on('end', this.#lose);
    this.keyboard.on('error', this.#lose);
    this.#take();
    this.keyboard.resume();
  }

  leave(): void {
    process.off('exit', this.#restore);
    process.off('uncaughtExceptionMonitor', this.#restore);
    process.off('SIGWINCH', this.#redraw);
    process.off('SIGTSTP', this.#suspend);
    process.off('SIGCONT', this.#resume);
    this.keyboard.off('data', this.#receive);
    this.keyboard.off('end', this.#lose);
    this.keyboard.off('error', this.#lose);
    clearTimeout(this.#escapeTimer);
    this.keyboard.pause();
    this.#restore();
  }

  /** Draws the lines that differ from those on the screen, in one write. */
  draw(lines: readonly ScreenLine[]): void {
    if (!this.#isEntered) return;
    const { columns } = this.size;
    let text = '';
    for (const [i, line] of lines.entries()) {
      const before = this.#drawn[i];
      if (before?.text === line.text && before.style === line.style) continue;
      const start = `\x1b[${i + 1};1H`;
      // The bar is drawn first: the text may be narrower than it was taken for.
      const bar = line.style === 'cursor' ? ' '.repeat(columns) + start : '\x1b[K';
      text += `${start}${STYLES[line.style]}${bar}${line.text}\x1b[0m`;
    }
    if (text !== '') this.terminal.write(text);
    this.#drawn = lines;
  }

  /** Draws all of it again the next time: other programs may have written to the terminal. */
  forget(): void {
    this.#drawn = [];
    if (this.#isEntered) this.terminal.write('\x1b[2J');
  }

  #take(): void {
    this.keyboard.setRawMode(true);
    this.terminal.write(ENTER);
    this.#isEntered = true;
    this.#drawn = [];
  }

  readonly #restore = () => {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    this.terminal.write(LEAVE);
    try {
      this.keyboard.setRawMode(false);
    } catch {
      // The terminal is gone.
    }
  };

  readonly #redraw = () => {
    this.forget();
    this.events.resized();
  };

  /** After a stop by another process: the shell has used the terminal meanwhile. */
  readonly #resume = () => {
    this.#take();
    this.events.resized();
  };

  readonly #lose = () => this.events.lost();

  readonly #receive = (bytes: Uint8Array | string) => {
    clearTimeout(this.#escapeTimer);
    const keys = this.#decoder.push(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
    for (const key of keys) this.#press(key);
    if (!this.#decoder.isPending) return;
    this.#escapeTimer = setTimeout(() => {
      for (const key of this.#decoder.flush()) this.#press(key);
    }, ESCAPE_MS);
  };

  #press(key: Key): void {
    if (key === 'ctrl-z') this.#suspend();
    else this.events.key(key);
  }

  readonly #suspend = () => {
    this.#restore();
    process.off('SIGTSTP', this.#suspend);
    // Stops the whole job, as the terminal would. Continues here.
    process.kill(0, 'SIGTSTP');
    process.on('SIGTSTP', this.#suspend);
    this.#take();
    this.events.resized();
  };
}
