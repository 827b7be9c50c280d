import type { Key } from '../terminal/key-decoder.js';

/** A question on the last line of the screen, which one key answers. */
export class YesQuestion<T> {
  /**
   * @param text without the keys
   * @param answers by key; every other key means no
   */
  constructor(
    private readonly text: string,
    private readonly answers: Readonly<Partial<Record<Key, T>>>,
  ) {}

  get line(): string {
    return `${this.text} ${[...Object.keys(this.answers), 'n'].join('/')}`;
  }

  /** @returns undefined: no */
  answer(key: Key): T | undefined {
    return Object.hasOwn(this.answers, key) ? this.answers[key] : undefined;
  }
}
