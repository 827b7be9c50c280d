import type { Key } from '../terminal/key-decoder.js';
import { framed, frameRows, type ScreenLine, type ScreenSize, wrapped } from '../terminal/screen-line.js';
import { isBackKey, movedRows, type Outcome, type Pressing, type Screen } from './screen.js';

const KEYS: ScreenLine = { text: 'arrows scroll  q back', style: 'faint' };

/** A screen of text that is there already: help, details. */
export class TextScreen implements Screen {
  #top = 0;

  /** @param text printable lines */
  constructor(
    private readonly title: string,
    private readonly text: readonly string[],
  ) {}

  lines(size: ScreenSize): ScreenLine[] {
    const above: ScreenLine[] = [{ text: this.title, style: 'title' }];
    const rows = this.#rows(size);
    const { bodyRows } = frameRows(above, [KEYS], size.rows);
    this.#top = Math.max(0, Math.min(this.#top, rows.length - bodyRows));
    const body = rows.slice(this.#top).map((text): ScreenLine => ({ text, style: 'plain' }));
    return framed({ above, body, below: [KEYS] }, size);
  }

  press(key: Key, { size }: Pressing): Outcome {
    if (isBackKey(key) || key === 'enter' || key === 'i' || key === '?') return 'back';
    const page = Math.max(1, size.rows - 2);
    const by = key === ' ' ? page : movedRows(key, page);
    if (by === undefined) return undefined;
    this.#top = Math.max(0, Math.min(this.#top + by, this.#rows(size).length));
    return undefined;
  }

  stopped(): Outcome {
    return undefined;
  }

  #rows({ columns }: ScreenSize): string[] {
    return this.text.flatMap((line) => wrapped(line, columns));
  }
}
