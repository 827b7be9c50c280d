import { LayerslayerError } from '../../../../base/errors.js';
import type { TextSink } from '../../../terminal/output/output.js';
import { isBackKey, type Outcome, type Pressing, type Screen } from './screen/screen.js';
import { FullScreen, type Keyboard } from './terminal/full-screen.js';
import type { Key } from './terminal/key-decoder.js';

/** Keys that wait while one is being handled: those of a key that is held down. */
const WAITING_MAX = 64;

/** After this, a screen says that it is busy: before, it would only flicker. */
const BUSY_MS = 150;

export interface BrowserTerminal {
  display: TextSink;
  keyboard: Keyboard;
}

/** Shows screens and passes them keys, until the user leaves the first one. */
export class Browser {
  readonly #stack: Screen[];
  readonly #screen: FullScreen;
  readonly #stop: AbortController; // ends the browser
  readonly #waiting: Key[] = [];
  #isRedrawWanted = false;
  #wake: () => void = () => {};
  #running: AbortController | undefined; // of what takes long

  constructor(first: Screen, { display, keyboard }: BrowserTerminal) {
    this.#stack = [first];
    this.#stop = new AbortController();
    const end = () => this.#stop.abort(new LayerslayerError('ABORTED', 'interrupted'));
    this.#screen = new FullScreen(display, keyboard, {
      key: (key) => {
        if (key === 'ctrl-c') end();
        else if (this.#running && isBackKey(key)) this.#running.abort();
        else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(key);
        this.#wake();
      },
      resized: () => {
        this.#isRedrawWanted = true;
        this.#wake();
      },
      lost: end,
    });
  }

  /**
   * Resolves when the user has left. The terminal is as it was before.
   * @param signal ends the browser
   * @throws LayerslayerError ABORTED after Ctrl-C; the signal's reason
   */
  async run(signal: AbortSignal): Promise<void> {
    const ending = AbortSignal.any([signal, this.#stop.signal]);
    const wake = () => this.#wake();
    ending.addEventListener('abort', wake);
    this.#screen.enter();
    try {
      while (this.#stack.length > 0) {
        ending.throwIfAborted();
        await this.#showTop(ending);
        const key = await this.#nextKey(ending);
        if (key !== undefined) await this.#press(key, ending);
      }
    } finally {
      ending.removeEventListener('abort', wake);
      this.#screen.leave();
    }
  }

  get #top(): Screen | undefined {
    return this.#stack.at(-1);
  }

  /** Prepares and draws the screen on top, or the one below if the user stops that. */
  async #showTop(ending: AbortSignal): Promise<void> {
    for (let screen = this.#top; screen; screen = this.#top) {
      this.#isRedrawWanted = false;
      const top = screen;
      const prepare = async (pressing: Pressing) => {
        await top.prepare?.(pressing);
        return undefined;
      };
      if (await this.#work(ending, prepare)) break;
    }
    this.#draw(false);
  }

  async #press(key: Key, ending: AbortSignal): Promise<void> {
    if (key === 'ctrl-l') this.#screen.forget();
    else await this.#work(ending, async (pressing) => this.#top!.press(key, pressing));
  }

  /**
   * Runs what may take long and follows its outcome. Esc, q and Left stop it.
   * @returns false: it was stopped
   */
  async #work(ending: AbortSignal, run: (pressing: Pressing) => Promise<Outcome>): Promise<boolean> {
    const screen = this.#top!;
    const running = new AbortController();
    this.#running = running;
    const busy = setInterval(() => this.#draw(true), BUSY_MS);
    try {
      const signal = AbortSignal.any([running.signal, ending]);
      this.#follow(await run({ size: this.#screen.size, signal, showBusy: () => this.#draw(true) }));
      return true;
    } catch (error) {
      ending.throwIfAborted();
      if (!running.signal.aborted) throw error;
      this.#waiting.length = 0;
      this.#follow(screen.stopped());
      return false;
    } finally {
      clearInterval(busy);
      this.#running = undefined;
    }
  }

  #follow(outcome: Outcome): void {
    if (outcome === 'back') this.#stack.pop();
    else if (outcome) this.#stack.push(outcome);
  }

  #draw(isBusy: boolean): void {
    const screen = this.#top;
    if (screen) this.#screen.draw(screen.lines(this.#screen.size, isBusy));
  }

  /** @returns undefined: the screen is to be drawn again */
  async #nextKey(ending: AbortSignal): Promise<Key | undefined> {
    while (this.#waiting.length === 0 && !this.#isRedrawWanted && !ending.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    ending.throwIfAborted();
    return this.#isRedrawWanted ? undefined : this.#waiting.shift();
  }
}
