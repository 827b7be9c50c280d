import { CHUNK_SIZE, type FileChunks } from '../content/file-chunks.js';
import type { TextRow } from '../content/line-run.js';
import { decodeBytes, isBinary } from '../content/visible-text.js';
import { type ColoredText, coloredParts, type Spans } from './colored-parts.js';
import { highlight } from './highlight.js';
import { HIGHLIGHT_MAX, languageOf } from './languages.js';

/** A whole file with the colours of its language. */
export interface ColoredFile {
  rowParts(row: TextRow): ColoredText[];
}

/** Highlights a small file of a known language. @throws ApiError; AbortError */
export async function colorFile(
  chunks: FileChunks,
  path: string,
  signal: AbortSignal,
): Promise<ColoredFile | undefined> {
  if (chunks.size > HIGHLIGHT_MAX) return undefined;
  const bytes = new Uint8Array(chunks.size);
  for (let offset = 0; offset < bytes.length; offset += CHUNK_SIZE)
    bytes.set(await chunks.load(offset / CHUNK_SIZE), offset);
  const text = decodeBytes(bytes);
  const language = languageOf(path, text.slice(0, 200).split('\n', 1)[0]!);
  if (language === undefined || isBinary(bytes)) return undefined;
  const spans = await highlight(text, language, signal);
  return spans && new ColoredBytes(bytes, spans);
}

/** Rows are known by bytes, colours by UTF-16 units: this maps the first to the others. */
class ColoredBytes implements ColoredFile {
  #offset = 0; // bytes
  #units = 0; // of the text before #offset

  constructor(
    private readonly bytes: Uint8Array,
    private readonly spans: Spans,
  ) {}

  rowParts({ offset, length }: TextRow): ColoredText[] {
    const text = decodeBytes(this.bytes.subarray(offset, offset + length));
    return coloredParts(text.replace(/\r?\n$/, ''), this.#unitsAt(offset), this.spans);
  }

  /** Rows are asked for in order, mostly: the last answer is where the next one begins. */
  #unitsAt(offset: number): number {
    const [low, high] = offset < this.#offset ? [offset, this.#offset] : [this.#offset, offset];
    const between = decodeBytes(this.bytes.subarray(low, high)).length;
    this.#units += offset < this.#offset ? -between : between;
    this.#offset = offset;
    return this.#units;
  }
}
