import { checkbox, input, select } from '@inquirer/prompts';
import { LayerslayerError } from '../../../base/errors.js';
import { printable } from '../../../base/text/printable.js';
import { cutText } from '../../terminal/layout/cut-text.js';
import type { TextSink } from '../../terminal/output/output.js';
import type { Choice, Prompter } from './prompter.js';

/** Rows of a list's question, its help, the gap between them, and one that stays free. */
const ROWS_AROUND = 4;
/** Columns before a label (cursor, mark, space), and a free one: a full line would wrap. */
const COLUMNS_AROUND = 4;
/** A terminal that is smaller wraps. */
const ROWS_MIN = 3;
const COLUMNS_MIN = 20;

/** Instead of an answer: Ctrl-Z was pressed. */
const SUSPENDED = Symbol('suspended');

type Prompt<T> = (context: { output: NodeJS.WriteStream; signal: AbortSignal }) => Promise<T>;

/** Prompts with arrow keys, on the terminal of stdin and stderr: stdout is for results. */
export class TerminalPrompts implements Prompter {
  readonly #terminal: TextSink;
  readonly #signal: AbortSignal;
  /** The user left a question by Esc or Ctrl-D: an end like any other, unlike Ctrl-C. */
  hasLeft = false;

  /** @param terminal stderr, for its size */
  constructor(terminal: TextSink, signal: AbortSignal) {
    this.#terminal = terminal;
    this.#signal = signal;
  }

  chooseOne<T>(message: string, choices: readonly Choice<T>[], current?: T): Promise<T> {
    const list = this.#list(message, choices);
    const config = { ...list, ...(current !== undefined && { default: current }) };
    return this.#ask((context) => select(config, context));
  }

  chooseSeveral<T>(
    message: string,
    choices: readonly Choice<T>[],
    { chosen, told }: { chosen: readonly T[]; told: (values: readonly T[]) => string },
  ): Promise<T[]> {
    const list = this.#list(message, choices);
    const renderSelectedChoices = (marked: readonly { value: T }[]) => told(marked.map(({ value }) => value));
    const config = {
      ...list,
      choices: list.choices.map((one) => ({ ...one, checked: chosen.includes(one.value) })),
      theme: { style: { renderSelectedChoices } },
    };
    return this.#ask((context) => checkbox(config, context));
  }

  async askText(
    message: string,
    { suggestion, needed = false }: { suggestion?: string | undefined; needed?: boolean } = {},
  ): Promise<string> {
    const config = {
      message: this.#line(message),
      validate: (text: string) => !needed || text.trim() !== '' || 'It is needed',
      ...(suggestion !== undefined && { default: printable(suggestion) }),
      transformer: (text: string) => printable(text), // pasted text may be anything
    };
    const text = (await this.#ask((context) => input(config, context))).trim();
    return suggestion !== undefined && text === printable(suggestion) ? suggestion : text;
  }

  #line(text: string): string {
    return cutText(printable(text), Math.max(COLUMNS_MIN, this.#terminal.columns - COLUMNS_AROUND));
  }

  #list<T>(message: string, choices: readonly Choice<T>[]) {
    return {
      message: this.#line(message),
      choices: choices.map(({ value, label }) => ({ value, name: this.#line(label) })),
      pageSize: Math.max(ROWS_MIN, this.#terminal.rows - ROWS_AROUND),
      loop: false,
    };
  }

  async #ask<T>(prompt: Prompt<T>): Promise<T> {
    for (;;) {
      const answer = await this.#askOnce(prompt);
      if (answer !== SUSPENDED) return answer;
      // Stops the whole job, as the terminal would. Asks again later: the screen has changed.
      process.kill(0, 'SIGTSTP');
    }
  }

  /** Asks once. Esc, Ctrl-D and a lost terminal leave the question, beside the library's Ctrl-C. */
  async #askOnce<T>(prompt: Prompt<T>): Promise<T | typeof SUSPENDED> {
    this.#signal.throwIfAborted();
    const ending = new AbortController();
    const leave = () => ending.abort();
    const onKey = (_: string | undefined, key: { name?: string; ctrl?: boolean }) => {
      if (key.name === 'escape' || (key.ctrl && key.name === 'd')) {
        this.hasLeft = true;
        leave();
      }
      if (key.ctrl && key.name === 'z') {
        ending.abort(SUSPENDED);
        // readline gets the key next. It would stop us with the cursor hidden and read no more.
        key.name = 'handled';
      }
    };
    const { stdin, stderr } = process;
    stdin.on('keypress', onKey);
    stdin.once('end', leave);
    stdin.once('error', leave);
    try {
      const signal = AbortSignal.any([ending.signal, this.#signal]);
      return await prompt({ output: stderr, signal });
    } catch (error) {
      this.#signal.throwIfAborted();
      if (ending.signal.reason === SUSPENDED) return SUSPENDED;
      // The library tells its errors apart by name.
      if (!/^(Exit|Abort)PromptError$/.test((error as Error).name)) throw error;
      throw new LayerslayerError('ABORTED', 'interrupted');
    } finally {
      stdin.off('keypress', onKey);
      stdin.off('end', leave);
      stdin.off('error', leave);
    }
  }
}
