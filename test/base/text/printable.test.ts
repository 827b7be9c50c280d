import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableJson } from '#src/base/text/printable.js';

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** C0 and C1 controls, DEL, direction marks, line separators and invisible characters. */
const HARMFUL = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  0x61c,
  ...range(0x200b, 0x200f),
  ...range(0x2028, 0x202e),
  ...range(0x2060, 0x206f),
  0xfeff,
  0xe0041,
].map((code) => String.fromCodePoint(code));
const HARMLESS = ['é', '中', '🙂', 'ß', 'א', '\u0301', '\\', '"'];

const shown = (text: string) => HARMFUL.filter((one) => text.includes(one));

describe('text', () => {
  it('has no characters that a terminal obeys or hides', () => {
    expect(shown(printable(HARMFUL.join('x')))).toEqual([]);
    expect(printable('\x9b31m\u202e\x7f\n')).toBe('\\xc2\\x9b31m\\xe2\\x80\\xae\\x7f\\x0a');
    expect(printable(HARMLESS.join(''))).toBe(HARMLESS.join(''));
  });
});

describe('JSON', () => {
  it('has none either, in keys and values', () => {
    const text = printableJson({ [HARMFUL.join('x')]: [HARMFUL.join('y')] }, 2);
    expect(shown(text)).toEqual(['\n']);
    expect(printableJson('\x9b31m\u202e\x7f')).toBe('"\\u009b31m\\u202e\\u007f"');
    expect(printableJson(HARMLESS)).toBe(JSON.stringify(HARMLESS));
  });

  it('parses to the same value', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom(undefined, 2),
        fc.constantFrom(...HARMFUL),
        (value, indent, one) => {
          const all = { [one]: value, one };
          expect(JSON.parse(printableJson(all, indent))).toEqual(JSON.parse(JSON.stringify(all)));
        },
      ),
    );
  });
});
