import { printable } from '../../../../../base/text/printable.js';
import type { Key } from '../terminal/key-decoder.js';
import { cutStart } from '../terminal/screen-line.js';

/** Characters at most: PATH_MAX of Linux. */
const TEXT_MAX = 4096;

/** A text that is being typed on one line of the screen. */
export class TextQuestion {
  #text = '';

  constructor(private readonly prompt: string) {}

  line(columns: number): string {
    return cutStart(`${this.prompt}${printable(this.#text)}_`, columns);
  }

  /** @returns the answer once there is one; `text` undefined: the user would rather not */
  press(key: Key): { text: string | undefined } | undefined {
    if (key === 'enter') return { text: this.#text };
    if (key === 'escape') return { text: undefined };
    if (key === 'backspace') {
      if (this.#text === '') return { text: undefined };
      this.#text = Array.from(this.#text).slice(0, -1).join('');
    } else if (key === 'ctrl-u') this.#text = '';
    // Other names of keys have several letters.
    else if (Array.from(key).length === 1 && this.#text.length < TEXT_MAX) this.#text += key;
    return undefined;
  }
}
