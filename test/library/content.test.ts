import { constants } from 'node:buffer';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { openFile } from '#src/engine/layer.js';
import { Content } from '#src/library/content/content.js';
import type { RangeOptions } from '#src/library/files.js';
import { Operations } from '#src/library/operations/operations.js';
import { file, layerWith, lazily } from '../support/entries.js';

const BYTES = Buffer.alloc(600_000, 'layerslayer ');
const layer = lazily(layerWith(1, file('large', BYTES), file('empty', '')));

function contentOf(row: number, operations = new Operations('image', (line) => line, undefined)): Content {
  return new Content(operations, async (range, signal) => openFile(layer, row, { ...range, signal }));
}

/** A file of so many bytes that cannot be read. */
function fileOf(length: number): Content {
  return new Content(new Operations('image', (line) => line, undefined), async () => ({
    ...{ size: length, length },
    // biome-ignore lint/correctness/useYield: it fails before
    async *[Symbol.asyncIterator]() {
      throw new Error('it was read');
    },
  }));
}

async function webBytes(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a range, in all forms', () => {
  const numbers = [0, 1, 262_143, 262_144, BYTES.length - 1, BYTES.length, 2 ** 40, 2 ** 53 - 1];
  const ranges: RangeOptions[] = [
    {},
    { end: Number.POSITIVE_INFINITY },
    ...numbers.flatMap((start) => numbers.filter((end) => end >= start).map((end) => ({ start, end }))),
    ...numbers.map((start) => ({ start })),
  ];
  it.each(ranges)('%j', async (range) => {
    const wanted = BYTES.subarray(range.start ?? 0, (range.end ?? Number.POSITIVE_INFINITY) + 1);
    const content = contentOf(0);
    const [whole, node, web] = await Promise.all([
      content.readFile(range),
      webBytes(content.createReadStream(range)),
      webBytes(content.readableWebStream(range)),
    ]);
    expect([whole.equals(wanted), node.equals(wanted), web.equals(wanted)]).toEqual([true, true, true]);
  });

  it('of an empty file', async () => {
    const content = contentOf(1);
    expect(await content.readFile('utf8')).toBe('');
    expect(await text(content.createReadStream())).toBe('');
    expect(await text(content.readableWebStream())).toBe('');
  });
});

describe('wrong options', () => {
  const table: [object, RegExp][] = [
    [{ start: -1 }, /^start is -1/],
    [{ start: 0.5 }, /^start is 0.5/],
    [{ end: Number.NaN }, /^end is NaN/],
    [{ start: 2, end: 1 }, /^start 2 is after end 1$/],
    [{ encoding: 'utf-9' }, /^unknown encoding: utf-9$/],
    [{ signal: {} }, /AbortSignal/],
  ];
  const ofStreams: [object, RegExp][] = [
    [{ highWaterMark: -1 }, /^highWaterMark is -1/],
    [{ highWaterMark: 'x' }, /^highWaterMark is x/],
  ];
  it.each(table)('%j', async (options, message) => {
    const fault = expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    await expect(contentOf(0).readFile(options)).rejects.toEqual(fault);
    expect(() => contentOf(0).createReadStream(options)).toThrow(fault);
    if (!('encoding' in options)) expect(() => contentOf(0).readableWebStream(options)).toThrow(fault);
  });

  it.each(ofStreams)('%j', (options, message) => {
    expect(() => contentOf(0).createReadStream(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );
  });
});

describe('readFile', () => {
  it('has a limit, which the caller sets', async () => {
    const content = contentOf(0);
    const limited = { maxSize: 100 };
    await expect(content.readFile(limited)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(await content.readFile({ ...limited, end: 99 })).toHaveLength(100);
    await expect(content.readFile({ maxSize: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    // No buffer can have them, whatever the caller says.
    const huge = fileOf(2 ** 53 - 1).readFile({ maxSize: 2 ** 53 - 1 });
    await expect(huge).rejects.toMatchObject({ code: expect.stringMatching(/^(UNSUPPORTED|IO_FAILED)$/) });
  });

  it('has encodings', async () => {
    expect(
      await contentOf(0)
        .readFile('hex')
        .then((hex) => hex.slice(0, 4)),
    ).toBe('6c61');
    expect(await contentOf(0).readFile({ encoding: 'latin1', end: 4 })).toBe('layer');
    expect(await contentOf(0).readFile({ encoding: null, end: 4 })).toEqual(Buffer.from('layer'));
    expect(await contentOf(0).readFile(null)).toHaveLength(BYTES.length);
  });

  it.each<[BufferEncoding, number]>([
    ['utf8', 1],
    ['base64url', 4 / 3],
    ['HEX' as BufferEncoding, 2],
  ])('refuses text in %s that no string can hold, before it reads', async (encoding, characters) => {
    const length = Math.ceil((constants.MAX_STRING_LENGTH + 4) / characters);
    const content = fileOf(length);
    await expect(content.readFile(encoding)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/too many to read at once/),
    });
  });
});

describe('a stream of Node', () => {
  it('takes an encoding instead of options, as fs', async () => {
    for await (const chunk of contentOf(0).createReadStream('hex')) {
      expect(chunk).toMatch(/^6c61/);
      break;
    }
  });

  it('has encodings, and reads no more ahead than it is told to', async () => {
    const stream = contentOf(0).createReadStream({ encoding: 'utf8', highWaterMark: 1 });
    for await (const chunk of stream) {
      expect(chunk).toMatch(/^layerslayer/);
      break;
    }
    expect(stream.destroyed).toBe(true);
  });

  it('is destroyed by its signal, also between two reads', async () => {
    const stop = new AbortController();
    const stream = contentOf(0).createReadStream({ signal: stop.signal });
    const failed = new Promise((resolve) => stream.on('error', resolve));
    stop.abort(new Error('enough'));
    expect(await failed).toMatchObject({ code: 'ABORTED', cause: new Error('enough') });
    expect(await failed).toBeInstanceOf(LayerslayerError);
  });

  it('fails if its image was closed before', async () => {
    const operations = new Operations('image', (line) => line, undefined);
    await operations.close();
    const fault = { code: 'ABORTED', message: 'image was closed' };
    await expect(text(contentOf(0, operations).createReadStream())).rejects.toMatchObject(fault);
    await expect(text(contentOf(0, operations).readableWebStream())).rejects.toMatchObject(fault);
  });
});

describe('a web stream', () => {
  it('fills the buffers of its reader', async () => {
    const reader = contentOf(0).readableWebStream({ start: 12 }).getReader({ mode: 'byob' });
    const first = await reader.read(new Uint8Array(5));
    expect(Buffer.from(first.value!).toString()).toBe('layer');
    let total = 5;
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(100_000));
      if (done) break;
      total += value.length;
    }
    expect(total).toBe(BYTES.length - 12);
  });

  it('is cancelled, and ends with its signal', async () => {
    const cancelled = contentOf(0).readableWebStream().getReader();
    await cancelled.read();
    await cancelled.cancel();
    const stop = new AbortController();
    const reader = contentOf(0).readableWebStream({ signal: stop.signal }).getReader();
    await reader.read();
    stop.abort();
    await expect(reader.read()).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
