import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '#src/base/text/printable.js';
import { textOfBytes } from '#src/base/text/raw-text.js';
import { FileBytes } from '#src/cli/commands/interactive/browser/file-screen/file-bytes.js';
import { textLines } from '#src/cli/commands/interactive/browser/file-screen/text-lines.js';
import { TextPages } from '#src/cli/commands/interactive/browser/file-screen/text-pages.js';
import { columnsOf } from '#src/cli/terminal/layout/cut-text.js';
import { file, layerWith } from '../../../../support/entries.js';

const signal = new AbortController().signal;
const shown = (text: string | Uint8Array, columns = 20) =>
  textLines(Buffer.from(text), 0, columns, true).map((line) => line.text);

/** A file of so many bytes, made when they are read. */
function sourceOf(size: number, byteAt: (offset: number) => number) {
  const read = { bytes: 0 };
  const layer = layerWith(1, file('f'));
  const bytes = new FileBytes(
    {
      entries: { ...layer.entries, size: () => size },
      read(_row, offset, length) {
        read.bytes += length;
        return Uint8Array.from({ length }, (_, i) => byteAt(offset + i));
      },
    },
    0,
  );
  return { read, bytes, pages: new TextPages(bytes, signal) };
}

const pagesOf = (content: Uint8Array) => sourceOf(content.length, (offset) => content[offset]!).pages;

describe('textLines', () => {
  it.each<[string, string | Uint8Array, string[]]>([
    ['lines', 'a\n\nb\n', ['a', '', 'b']],
    ['a last line without a newline', 'a\nb', ['a', 'b']],
    ['nothing', '', []],
    ['a long line', 'x'.repeat(45), ['x'.repeat(20), 'x'.repeat(20), 'x'.repeat(5)]],
    ['wide characters, not beyond the edge', '日'.repeat(11), ['日'.repeat(10), '日']],
    ['tabs', 'a\tb', ['a       b']],
    ['control characters', '\x1b[31m\r\x00', ['\\x1b[31m\\x0d\\x00']],
    [
      'C1, which some terminals obey, and direction marks',
      '\u009b1m\u202e',
      ['\\xc2\\x9b1m', '\\xe2\\x80\\xae'],
    ],
    ['bytes that are not UTF-8', Uint8Array.of(0x61, 0xff, 0xc3, 0x28), ['a\\xff\\xc3(']],
  ])('shows %s', (_, text, lines) => expect(shown(text)).toEqual(lines));

  it('leaves what may have more to the next read', () => {
    const bytes = Buffer.from('one\ntwo é');
    const lines = (end: number) => textLines(bytes.subarray(0, end), 100, 20, false);
    expect(lines(bytes.length).map(({ text }) => text)).toEqual(['one']);
    expect(lines(4)).toEqual([{ start: 100, end: 104, text: 'one' }]);
    expect(lines(3)).toEqual([]);
  });
});

const content = fc
  .array(
    fc.oneof(
      fc.constantFrom('\n', '\n\n', 'word ', 'é', '日本', '😀', '\t', '\x1b', 'x'.repeat(50)),
      fc.uint8Array({ maxLength: 5 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as string))));
/** An escaped character is the widest: four bytes. */
const columns = fc.integer({ min: 16, max: 90 });

describe('TextPages', () => {
  it('shows every byte once, in rows that fit', async () => {
    await fc.assert(
      fc.asyncProperty(content, columns, fc.integer({ min: 1, max: 7 }), async (bytes, width, count) => {
        const pages = pagesOf(bytes);
        const whole = textLines(bytes, 0, width, true);
        let at = 0;
        for (const line of whole) {
          expect(line.start).toBe(at);
          expect(columnsOf(line.text)).toBeLessThanOrEqual(width);
          at = line.end;
        }
        expect(at).toBe(bytes.length);
        for (const [i, line] of whole.entries())
          expect(await pages.linesFrom(line.start, count, width)).toEqual(whole.slice(i, i + count));
      }),
    );
  });

  it('has the same rows upward as downward', async () => {
    await fc.assert(
      fc.asyncProperty(content, columns, fc.integer({ min: 1, max: 7 }), async (bytes, width, count) => {
        const pages = pagesOf(bytes);
        const whole = textLines(bytes, 0, width, true);
        for (const [i, line] of whole.entries()) {
          const before = await pages.linesBefore(line.end, count, width);
          expect(before).toEqual(whole.slice(Math.max(0, i + 1 - count), i + 1));
          for (const offset of [line.start, line.end - 1])
            expect(await pages.rowStart(offset, width)).toBe(line.start);
        }
      }),
    );
  });

  const GIB = 1024 ** 3;
  it.each([
    ['of lines', (offset: number) => (offset % 64 === 63 ? 0x0a : 0x61)],
    ['of one line', () => 0x61],
    ['of one line of wide characters', (offset: number) => [0xe6, 0x97, 0xa5][offset % 3]!],
    ['of newlines', () => 0x0a],
    ['of no text', () => 0x80],
  ])('reads few bytes of 4 GiB %s, at the start, at the end and upward', async (_, byteAt) => {
    const { pages, read, bytes } = sourceOf(4 * GIB, byteAt);
    expect(await pages.linesFrom(0, 50, 200)).toHaveLength(50);
    let lines = await pages.linesBefore(bytes.size, 50, 200);
    expect(lines).toHaveLength(50);
    expect(lines.at(-1)!.end).toBe(bytes.size);
    lines = await pages.linesBefore(lines[0]!.start, 50, 200);
    expect(lines).toHaveLength(50);
    await pages.linesFrom(lines[0]!.start, 50, 200);
    expect(read.bytes).toBeLessThan(1024 * 1024);
  });
});

it('reads UTF-8 as Node does', () => {
  const bytes = fc.array(fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.string({ unit: 'binary' })));
  fc.assert(
    fc.property(bytes, (parts) => {
      const all = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
      const text = textOfBytes(all).replaceAll('\n', '');
      const tabless = text.replaceAll('\t', '');
      const lines = textLines(Buffer.from(all.filter((byte) => byte !== 0x09)), 0, 1e9, true);
      expect(lines.map((line) => line.text).join('')).toBe(printable(tabless));
    }),
  );
});
