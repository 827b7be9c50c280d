import { constants } from 'node:buffer';
import type { Readable } from 'node:stream';
import { LayerslayerError, unsupported } from '../../base/errors.js';
import type { FileStream } from '../../engine/layer.js';
import type { FileContent, RangeOptions, ReadFileOptions, ReadStreamOptions } from '../files.js';
import { checkedSignal, type Operations } from '../operations/operations.js';
import { ContentReadable } from './content-readable.js';
import { webStream } from './content-web-stream.js';

/** As of `fs.readFile`. */
const MAX_SIZE = 2 ** 31 - 1;

/** A range of a file. */
export interface Range {
  offset: number;
  length: number | undefined; // undefined: to the end
}

/** Opens a file's bytes. @throws LayerslayerError */
export type OpenContent = (range: Range, signal: AbortSignal) => Promise<FileStream>;

/** The content of one file, in the forms that the library has for it. */
export class Content implements FileContent {
  readonly #operations: Operations;
  readonly #open: OpenContent;

  constructor(operations: Operations, open: OpenContent) {
    this.#operations = operations;
    this.#open = open;
  }

  readFile(options?: (ReadFileOptions & { encoding?: null | undefined }) | null): Promise<Buffer>;
  readFile(options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  readFile(options?: BufferEncoding | ReadFileOptions | null): Promise<Buffer | string>;
  async readFile(options?: BufferEncoding | ReadFileOptions | null): Promise<Buffer | string> {
    const chosen = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const { encoding, maxSize = MAX_SIZE, signal } = chosen;
    const range = rangeOf(chosen);
    checkEncoding(encoding);
    checkNumber('maxSize', maxSize);
    const bytes = await this.#operations.run(signal, async (aborted) => {
      const content = await this.#open(range, aborted);
      const limit = Math.min(maxSize, encoding ? longestText(encoding) : constants.MAX_LENGTH);
      if (content.length > limit) {
        throw unsupported(`${content.length} bytes are too many to read at once, the limit is ${limit}`);
      }
      const result = Buffer.allocUnsafeSlow(content.length);
      let at = 0;
      for await (const chunk of content) {
        result.set(chunk, at);
        at += chunk.length;
      }
      return result;
    });
    return encoding ? bytes.toString(encoding) : bytes;
  }

  createReadStream(options: BufferEncoding | ReadStreamOptions = {}): Readable {
    const chosen = typeof options === 'string' ? { encoding: options } : options;
    const range = rangeOf(chosen);
    checkEncoding(chosen.encoding);
    checkNumber('highWaterMark', chosen.highWaterMark ?? 0);
    return new ContentReadable(this.#operations, (signal) => this.#open(range, signal), chosen);
  }

  readableWebStream(options: RangeOptions = {}): ReadableStream<Uint8Array> {
    const range = rangeOf(options);
    return webStream(this.#operations, (signal) => this.#open(range, signal), options.signal);
  }
}

/** @throws LayerslayerError INVALID_ARGUMENT */
function rangeOf({ start = 0, end, signal }: RangeOptions): Range {
  checkedSignal(signal);
  checkNumber('start', start);
  if (end === undefined || end === Number.POSITIVE_INFINITY) return { offset: start, length: undefined };
  checkNumber('end', end);
  if (start > end) throw new LayerslayerError('INVALID_ARGUMENT', `start ${start} is after end ${end}`);
  return { offset: start, length: Math.min(end - start + 1, Number.MAX_SAFE_INTEGER) };
}

/** Bytes that surely fit in one string. */
function longestText(encoding: BufferEncoding): number {
  // In hex, a byte has the most characters.
  const isHex = encoding.toLowerCase() === 'hex';
  const isBase64 = encoding.toLowerCase().startsWith('base64');
  const { MAX_STRING_LENGTH } = constants;
  if (isHex) return Math.floor(MAX_STRING_LENGTH / 2);
  // Four characters for three bytes, padded.
  return isBase64 ? Math.floor(MAX_STRING_LENGTH / 4) * 3 : MAX_STRING_LENGTH;
}

function checkNumber(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new LayerslayerError('INVALID_ARGUMENT', `${name} is ${value}, want an integer from 0`);
}

function checkEncoding(encoding: string | null | undefined): void {
  if (encoding == null || Buffer.isEncoding(encoding)) return;
  throw new LayerslayerError('INVALID_ARGUMENT', `unknown encoding: ${encoding}`);
}
