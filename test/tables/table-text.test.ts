import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#src/oci/json.js';
import { TableText } from '#src/tables/table-text.js';

/** Splits a text that comes in pieces of `length` bytes. */
function split(text: string | Uint8Array, length = 1000): { entries: JsonObject[]; rest: JsonObject } {
  const entries: JsonObject[] = [];
  const table = new TableText((entry) => entries.push(entry));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += length) table.push(bytes.subarray(at, at + length));
  return { entries, rest: table.finish() };
}

const space = fc.constantFrom('', ' ', '\n\t', '\r\n  ');
const table = fc.record({
  version: fc.nat(9),
  entries: fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), { maxLength: 8 }),
  more: fc.dictionary(
    fc.string().filter((key) => key !== 'entries' && key !== '__proto__'),
    fc.jsonValue(),
    { maxKeys: 3 },
  ),
  order: fc.boolean(),
  indent: fc.constantFrom(undefined, 2, '\t'),
  before: space,
  length: fc.integer({ min: 1, max: 200 }),
});

describe('the text of a table', () => {
  it('has the entries that JSON.parse finds, in pieces of any length', () => {
    fc.assert(
      fc.property(table, ({ version, entries, more, order, indent, before, length }) => {
        const value = order ? { version, entries, ...more } : { ...more, version, entries };
        const text = before + JSON.stringify(value, null, indent) + before;
        const parsed = JSON.parse(text);
        const got = split(text, length);
        expect(got.entries).toEqual(parsed.entries);
        expect(got.rest).toEqual({ ...parsed, entries: [] });
      }),
    );
  });

  it('is refused where JSON.parse refuses it, and has its entries where not, whatever byte changes', () => {
    const text =
      '{"version":1,"entries":[{"name":"a\\"]}","n":[1,{"b":2}]}, {"name":"\\\\"}],"tarSplitDigest":"x"}';
    const change = fc.record({
      at: fc.nat(text.length - 1),
      by: fc.constantFrom('', '{', '}', '[', ']', '"', ',', ':', '\\', 'x', ' '),
    });
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        let changed = text;
        for (const { at, by } of changes) changed = changed.slice(0, at) + by + changed.slice(at + 1);
        let got: ReturnType<typeof split> | undefined;
        try {
          got = split(changed, 7);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CORRUPT_LAYER' });
          return;
        }
        accepted++;
        const parsed = JSON.parse(changed);
        expect(got.entries).toEqual(parsed.entries);
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it.each([
    ['nothing', ''],
    ['no object', '[]'],
    ['no list', '{"version":1}'],
    ['a list of other things', '{"entries":[1]}'],
    ['a list in a list', '{"entries":[[{}]]}'],
    ['no list at all', '{"entries":{}}'],
    ['a comma too many', '{"entries":[{},]}'],
    ['a comma first', '{"entries":[,{}]}'],
    ['no comma', '{"entries":[{}{}]}'],
    ['two lists', '{"entries":[{}],"entries":[{}]}'],
    ['the key escaped', '{"\\u0065ntries":[{}]}'],
    ['the key twice, once escaped', '{"entries":[{}],"\\u0065ntries":[{}]}'],
    ['the key in another object', '{"a":{"entries":[{}]}}'],
    ['the key at the end of another', '{"x\\"entries":[{}]}'],
    ['two tables', '{"entries":[]}{"entries":[]}'],
    ['a text after it', '{"entries":[]} x'],
    ['an entry cut short', '{"entries":[{"name":"a"'],
    ['a list cut short', '{"entries":[{}'],
    ['the end cut short', '{"entries":[]'],
  ])('is refused with %s', (_, text) => {
    expect(() => split(text)).toThrow(expect.objectContaining({ code: 'CORRUPT_LAYER' }));
  });

  it('keeps keys that are names of properties', () => {
    const { entries } = split('{"entries":[{"__proto__":"a","constructor":1}]}');
    expect(Object.entries(entries[0]!)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 1],
    ]);
  });

  it('may nest as deeply as its limit allows', () => {
    const deep = 200_000;
    const text = `{"entries":[{"a":${'['.repeat(deep)}${']'.repeat(deep)}}]}`;
    expect(split(text, 65_536).entries).toHaveLength(1);
  });

  it.each([
    ['an entry', `{"entries":[{"name":"${'a'.repeat(3_000_000)}"}]}`],
    ['the text besides', `{"comment":"${'a'.repeat(70_000)}","entries":[]}`],
  ])('is refused with %s beyond its limit', (_, text) => {
    expect(() => split(text, 65_536)).toThrow(/longer than/);
  });

  it('replaces bytes that are not UTF-8, as Go does', () => {
    const text = Buffer.concat([Buffer.from('{"entries":[{"name":"a'), Buffer.of(0xff), Buffer.from('"}]}')]);
    expect(split(text).entries).toEqual([{ name: 'a\ufffd' }]);
  });
});
