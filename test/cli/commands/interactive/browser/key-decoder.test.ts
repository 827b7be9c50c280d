import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyDecoder } from '#src/cli/commands/interactive/browser/terminal/key-decoder.js';

const keysOf = (text: string | Uint8Array) => new KeyDecoder().push(Buffer.from(text));

describe('KeyDecoder', () => {
  it.each([
    ['a1/', ['a', '1', '/']],
    ['\x1b[A\x1b[B\x1b[C\x1b[D', ['up', 'down', 'right', 'left']],
    ['\x1bOA\x1bOH\x1bOF', ['up', 'home', 'end']],
    ['\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~', ['home', 'end', 'home', 'end', 'home', 'end']],
    ['\x1b[5~\x1b[6~', ['pageup', 'pagedown']],
    ['\x1b[1;5A\x1b[5;2~', ['up', 'pageup']], // with Ctrl, with Shift
    ['\r\n\x7f\b\t', ['enter', 'enter', 'backspace', 'backspace', 'tab']],
    ['\x03\x1a\x0c', ['ctrl-c', 'ctrl-z', 'ctrl-l']],
    ['é日😀', ['é', '日', '😀']],
    ['\x1bq', ['escape', 'q']],
    ['\x1b\x1b[A', ['escape', 'up']],
    ['\x1b[3~\x1b[[A\x1b[15~\0\x1c', []], // Delete, F1 of the console, F5, control characters
    ['\x1b[\x03', ['ctrl-c']],
  ])('%j', (text, keys) => expect(keysOf(text)).toEqual(keys));

  it('skips bytes that are not UTF-8', () => {
    expect(keysOf(Uint8Array.of(0xff, 0x61, 0xc3, 0x28, 0x80, 0x62))).toEqual(['a', '(', 'b']);
  });

  it('takes Esc for a key when nothing comes after it', () => {
    const decoder = new KeyDecoder();
    expect(decoder.push(Buffer.from('\x1b'))).toEqual([]);
    expect(decoder.isPending).toBe(true);
    expect(decoder.flush()).toEqual(['escape']);
    expect(decoder.isPending).toBe(false);
    expect(decoder.push(Buffer.from('[A'))).toEqual(['[', 'A']);
  });

  it('decodes the same keys however they are cut, and waits for few bytes only', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\x1b[A',
        '\x1bOB',
        '\x1b[5~',
        '\x1b',
        'x',
        'é',
        '日',
        '😀',
        '\r',
        '\x1b[1;5C',
        '\x1b[[',
      ),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    const input = fc.array(piece).map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(input, fc.array(fc.nat({ max: 40 })), (bytes, cuts) => {
        const whole = keysOf(bytes);
        const decoder = new KeyDecoder();
        const ends = [...cuts.filter((at) => at < bytes.length), bytes.length].sort((a, b) => a - b);
        const keys = ends.flatMap((end, i) => decoder.push(bytes.subarray(ends[i - 1] ?? 0, end)));
        expect(keys).toEqual(whole);
      }),
    );
    const decoder = new KeyDecoder();
    decoder.push(Buffer.from(`\x1b[${'1'.repeat(100)}`));
    expect(decoder.isPending).toBe(false);
  });
});
